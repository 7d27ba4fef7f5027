"""Networks of `aep`, taken elsewhere."""
