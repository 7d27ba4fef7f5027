"""OFA's published supernets become those that a search starts from."""
