"""The kernel: what every service stands on. It imports no service."""
