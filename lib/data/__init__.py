"""Data sets, one file each. They come with the image and are checked by SHA-256 whenever they are loaded."""
