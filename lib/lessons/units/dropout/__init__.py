"""The lesson on dropout: exercises, hints, and the explorable on p."""
