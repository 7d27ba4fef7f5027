"""Training of the supernets on the target images (thesis, sections 3.3.3 and 6.1.2)."""
