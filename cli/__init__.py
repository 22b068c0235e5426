"""The command line: an HTTP client with a person's key; only the stack commands touch servers."""
