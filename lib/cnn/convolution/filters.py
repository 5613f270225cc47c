r"""Filters made by hand, from before networks learned theirs: Sobel's and Gabor's.

They are kernels for cross-correlation (`lib.cnn.convolution.by_hand.filtered`), so that they look like what they
respond to. Coordinates: x to the right, y downwards, as a picture's columns and rows.
"""

from __future__ import annotations

import numpy as np

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
"""Brightness gained per pixel to the right: responds to upright edges.

Sobel & Feldman 1968: the difference of the neighbours left and right, smoothed up and down by 1, 2, 1; the division
by 8 makes a ramp of slope 1 give 1.
"""

SOBEL_Y = SOBEL_X.T
"""Brightness gained per pixel downwards: responds to level edges."""

SMOOTH = np.outer([1, 2, 1], [1, 2, 1]) / 16
"""The binomial filter: a weighted mean of the 3 x 3 neighbours, of variance 1/2 in each direction."""


def gabor(direction: float, wavelength: float = 8.0, phase: float = 0.0, sigma: float | None = None) -> np.ndarray:
    r"""A Gabor filter: waves under a bell, the model of the cells that see edges in the brain (Daugman 1985).

    $g = \exp(-(x^2 + y^2) / 2\sigma^2) \cos(2\pi u / \lambda + \varphi)$, $u = x \cos\theta + y \sin\theta$, less the
    bell's share that makes it sum to 0, so that it is blind to even brightness; then scaled to sum of squares 1.

    Args:
        direction: theta in radians, across the stripes: 0 responds to upright edges, pi/2 to level ones.
        wavelength: lambda in pixels, from stripe to stripe.
        phase: phi in radians; 0 is even (a line), -pi/2 is odd (an edge that gets brighter towards u).
        sigma: width of the bell in pixels; 0.4 wavelengths unless given, which leaves one stripe and its neighbours.

    Returns:
        (k, k) with k the first odd number of at least 6 sigma.
    """
    sigma = 0.4 * wavelength if sigma is None else sigma
    radius = int(np.ceil(3 * sigma))
    x, y = np.meshgrid(np.arange(-radius, radius + 1), np.arange(-radius, radius + 1))
    bell = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    wave = np.cos(2 * np.pi * (x * np.cos(direction) + y * np.sin(direction)) / wavelength + phase)
    kernel = bell * (wave - np.sum(bell * wave) / np.sum(bell))
    return np.asarray(kernel / np.sqrt(np.sum(kernel**2)))
