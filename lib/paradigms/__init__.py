"""The kinds of learning."""
