"""The local stack: real Kafka and PostgreSQL in a folder, from wheels and Maven artifacts.

STREAMING.md section 1.
"""
