"""The lesson on encoder-decoders: exercises on attention and on writing, and the explorable on where it looks."""
