"""The lesson on LeNet: every layer by hand, a garment that moves, and what the network confuses."""
