"""Data sets as three splits of decoded images, and their batches at any resolution."""
