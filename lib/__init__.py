"""The labs of the lecture, and the harness that runs, records and judges them."""
