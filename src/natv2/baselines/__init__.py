"""Plain networks, trained as long as what a search found, beside it."""
