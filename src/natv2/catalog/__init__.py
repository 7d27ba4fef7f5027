"""Kedro data sets of this project: images, checkpoints, finished networks, progress."""
