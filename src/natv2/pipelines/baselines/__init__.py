"""Plain networks, trained as long as what the search found is finished."""
