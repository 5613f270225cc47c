"""The lesson on recurrent networks: exercises on steps forwards and backwards, and the explorable on the radius."""
