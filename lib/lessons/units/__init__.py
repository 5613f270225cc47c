"""What a lesson has of its own, a folder each: the checks of its exercises, its moving pictures and their texts."""
