"""The lesson ``17-bert``: hiding by hand, a loss at the hidden places only, and both sides against the left one."""
