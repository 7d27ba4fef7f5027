"""The search: predictor-guided, many-objective, alternating with adaptation (thesis, 3.3.4 and 6.1)."""
