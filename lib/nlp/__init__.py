"""Language: words as numbers, and sequences of them."""
