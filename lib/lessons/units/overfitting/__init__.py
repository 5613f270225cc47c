"""The lesson ``03-overfitting``: curves through noisy points, choosing a degree, ridge, and double descent."""
