"""One loop, its steps and losses; calibration, evaluation and fine-tuning (thesis, 5.1.4, 6.1.2, 6.1.5)."""
