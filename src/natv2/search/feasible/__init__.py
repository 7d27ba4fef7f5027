"""Networks that keep constraints on their costs."""
