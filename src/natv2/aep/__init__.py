"""Any classic CNN as a pruned ensemble of its own exits (thesis, chapter 4)."""
