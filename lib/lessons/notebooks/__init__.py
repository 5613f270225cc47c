"""The notebooks of the lessons as files: the learner's copies, and lessons executed for who reads them."""
