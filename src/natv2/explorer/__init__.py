"""The explorer of a search: one page that draws what was found, and works from disk without a network."""
