"""Latency on a device that is not here: a file with all that a latency table needs, to be timed there."""
