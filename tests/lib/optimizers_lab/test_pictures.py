"""Every optimizer is told by its line, in the figures and in the README's picture of them."""

from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from lib.optimizers.experiments.config import LECTURE
from lib.optimizers.figures.common import COLOURS, look

PICTURE = Path(__file__).parents[3] / "docs" / "images" / "paths.png"
OPACITY = 0.9  # of the lines in `paths.contours`; the legend's are on white
DISTINCT = 40  # of 255, in at least one channel


def colour(optimizer: str) -> np.ndarray:
    return 255 * np.array(to_rgb(look(optimizer)["color"]))


def test_no_two_optimizers_have_colours_that_look_alike() -> None:
    for one, other in combinations(COLOURS, 2):
        assert np.max(np.abs(colour(one) - colour(other))) > DISTINCT, (one, other)


def test_the_readmes_picture_has_the_colour_of_every_optimizer() -> None:
    """It has not when it is saved with a palette of fewer colours."""
    pixels = np.asarray(Image.open(PICTURE).convert("RGB")).reshape(-1, 3).astype(float)
    for optimizer in LECTURE:
        on_white = OPACITY * colour(optimizer) + (1 - OPACITY) * 255
        near = np.max(np.abs(pixels - on_white), axis=1) < 6
        assert np.count_nonzero(near) > 50, optimizer
