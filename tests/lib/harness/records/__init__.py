"""Runs as they were recorded by earlier versions, and the labs that repeat them."""
