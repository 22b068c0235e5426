"""A simulated county: thirteen months of ten agencies' events, from a seed. Pure; `script` puts it together."""
