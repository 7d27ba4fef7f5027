"""The nine supernets and the static networks they contain (thesis, sections 3.2.1 and 5.1.1)."""
