"""The operations of one step of a recorded trial: which step is meant, and the program that records it."""
