"""The lesson on FastText: exercises on pieces of words, on jamo and on skip-gram, and the explorable on a typo."""
