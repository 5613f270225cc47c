"""The machine a trial computes on, and how its arithmetic is pinned."""
