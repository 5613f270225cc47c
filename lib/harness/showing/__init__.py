"""Tables, progress and the report."""
