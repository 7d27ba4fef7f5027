"""Training of a supernet by Extended Progressive Shrinking (thesis, chapter 5)."""
