"""The lesson ``18-optimizers``: from gradient descent to NAdam, each by hand."""
