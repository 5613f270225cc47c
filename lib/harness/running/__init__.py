"""Runs trials: jobs, worker processes, pools, Ray, resumption."""
