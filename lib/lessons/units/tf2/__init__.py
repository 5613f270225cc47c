"""The lesson on TensorFlow 2: exercises on levels, graphs and traces, and the explorable on retracing."""
