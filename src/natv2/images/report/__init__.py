"""The page and the figures of a look at images."""
