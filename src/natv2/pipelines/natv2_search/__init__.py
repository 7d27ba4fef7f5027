"""Transfer of two supernets to new images, and the search in them (thesis, chapter 6)."""
