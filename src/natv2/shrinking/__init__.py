"""Extended Progressive Shrinking (thesis, section 5.1.2)."""
