"""NATv2."""
