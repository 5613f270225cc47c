"""The lesson on reusing modules: exercises on loading, choosing and freezing, and the explorable on layers."""
