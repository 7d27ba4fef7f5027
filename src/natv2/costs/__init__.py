"""Parameters, MACs and latency of networks (thesis, section 3.3.4: the additional objectives)."""
