"""The bundle, with which a room without internet works: writing it, loading it."""
