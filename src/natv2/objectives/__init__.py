"""What networks are judged by, and the bounds that they must keep."""
