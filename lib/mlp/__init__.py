"""Labs about networks of fully connected layers."""
