"""Photographs: a temple in China and a flower, 427 x 640 in colour, as they ship with scikit-learn.

china.jpg by Daniel Buechele, flower.jpg by vultilion, both from Flickr (Creative Commons, attribution 2.0). They are
for looking at: nothing is trained on them, so there is no split.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Literal

import numpy as np

from lib.data.files import PACKAGED, checked, in_package

SHA256 = {
    "china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    "flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
}
"""The files and what they must be; also part of what a run records of itself."""

NAMES: tuple[Literal["china"], Literal["flower"]] = ("china", "flower")


@cache
def grey(name: Literal["china", "flower"]) -> np.ndarray:
    """The brightness of a photograph, float64 (427, 640) from 0 to 1, by the luma of ITU-R BT.601. Read-only.

    Raises:
        UserError: the file is missing or another one.
    """
    from PIL import Image

    path = in_package("Photographs", "sklearn", f"datasets/images/{name}.jpg")
    data = checked("Photographs", path, SHA256[path.name], PACKAGED)
    with Image.open(io.BytesIO(data)) as picture:
        brightness = np.asarray(picture.convert("L"), dtype=np.float64) / 255
    brightness.setflags(write=False)
    return brightness
