"""Several processes that compute together: the ranks of a run, on this host and on others.

Rank 0 is the run itself. The others stand ready beside it, and do with it what it hands them: train on
slices of the same batches, evaluate some of the networks, train one network each.
"""
