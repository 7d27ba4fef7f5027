"""`natv2 predict`: images in files, classified by a network in a file."""
