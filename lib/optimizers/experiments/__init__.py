"""The experiments of the optimizers lab, one file each: how a trial measures, and the claims that rest on it."""
