"""The partners' Python client."""
