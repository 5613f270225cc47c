"""Printed letters: five alphabets in the typefaces that ship with matplotlib, turned, slanted and moved at random.

The letters of the Latin, Greek, Cyrillic, Armenian and Georgian alphabets, each of which is a class of its own even
where two look alike (Latin A and Greek Α), in the twelve faces of DejaVu (Bitstream Vera's licence). No digits are
among them. A letter fills a box of 20 x 20 in 28 x 28 pixels, as MNIST's digits do, white on black.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lib.data.files import PACKAGED, checked, in_package
from lib.data.pictures import Split

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

SHA256 = {
    "DejaVuSans.ttf": "3fdf69cabf06049ea70a00b5919340e2ce1e6d02b0cc3c4b44fb6801bd1e0d22",
    "DejaVuSans-Bold.ttf": "b184b89e3c1075f22f6b71575b6fc20d4972b3cfd3b23322ca6fd596dcaef167",
    "DejaVuSans-Oblique.ttf": "ccdf74b350f11fd3dd5774de50e5e6346a1a5da1f5b7d5fb83590665e97a5213",
    "DejaVuSans-BoldOblique.ttf": "6edf0283160186af451cbee71e7b845f2e4cabf264bb992ce668c83c25465e6f",
    "DejaVuSansMono.ttf": "602ec86b8948cfcd956482fe64f94c36c867770149ef2f791d4613f443bcecb3",
    "DejaVuSansMono-Bold.ttf": "baada9a5172fe20886251aff0433fc38461912d5daf07287e7bee56620a8da96",
    "DejaVuSansMono-Oblique.ttf": "28052813f7a709fc89f52d192dc995ef4f0fdc5c3d7b73a49d6849b1916d0cd0",
    "DejaVuSansMono-BoldOblique.ttf": "a69081c15c76c827e0a27a5a7f5c74b6135c843499955495ffa8c20d3a98288b",
    "DejaVuSerif.ttf": "107244956e9962b9e96faccdc551825e0ae0898ae13737133e1b921a2fd35ffa",
    "DejaVuSerif-Bold.ttf": "c3753f2ed6bc673f15846dc45addbeb3b9c872f32fb18fd53a21f1bef1ed7676",
    "DejaVuSerif-Italic.ttf": "3e7994fbc54fa10ce3352a42d548fadd7d9cadb69cb1109bc9d960f6dac57f04",
    "DejaVuSerif-BoldItalic.ttf": "d93efec7a9d2e826768d1a2ee95b95870e15e29599a84f3484af1de1cec2e181",
}
"""The typefaces and what they must be; also part of what a run records of itself."""


def _range(first: str, last: str) -> str:
    return "".join(map(chr, range(ord(first), ord(last) + 1)))


LETTERS = "".join(
    (
        _range("A", "Z") + _range("a", "z"),
        _range("Α", "Ρ") + _range("Σ", "Ω") + _range("α", "ω"),
        _range("А", "я"),
        _range("Ա", "Ֆ") + _range("ա", "ֆ"),
        _range("ა", "ჰ"),
    )
)
"""The classes, in this order."""

SIDE, BOX, LARGE = 28, 20, 2
"""Pixels of a picture's side and of the box that a letter fills, and by how much larger letters are drawn at first."""
TURN, SLANT, SIZE, SHIFT = 0.2, 0.3, 0.15, 2.0
"""How much pictures vary, uniformly: radians, pixels to the side per pixel up, share of the size, pixels."""


def pictures(count: int, rng: np.random.Generator) -> Split:
    """`count` pictures of letters drawn at random, each letter and each typeface equally likely.

    Raises:
        UserError: a typeface is missing or another one.
    """
    from PIL import Image

    labels = rng.integers(len(LETTERS), size=count)
    faces = rng.integers(len(SHA256), size=count)
    turn, slant = rng.uniform(-TURN, TURN, count), rng.uniform(-SLANT, SLANT, count)
    size = rng.uniform(1 - SIZE, 1 + SIZE, count) / LARGE
    shift = rng.uniform(-SHIFT, SHIFT, (count, 2))
    images = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    middle = np.array([SIDE, SIDE]) / 2
    for i in range(count):
        # from the picture's pixels to those of the large letter, as PIL wants it
        cos, sin = np.cos(turn[i]), np.sin(turn[i])
        back = np.array([[cos, sin], [-sin, cos]]) @ np.array([[1, slant[i]], [0, 1]]) / size[i]
        offset = LARGE * middle - back @ (middle + shift[i])
        row = (*back[0], offset[0], *back[1], offset[1])
        drawn = _letter(int(faces[i]), int(labels[i]))
        moved = drawn.transform((SIDE, SIDE), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR)
        images[i] = np.asarray(moved)
    images.setflags(write=False)
    return Split(images, labels.astype(np.uint16))


@cache
def _face(index: int) -> FreeTypeFont:
    from PIL import ImageFont

    name = list(SHA256)[index]
    path = in_package("Printed letters", "matplotlib", f"mpl-data/fonts/ttf/{name}")
    data = checked("Printed letters", path, SHA256[name], PACKAGED)
    return ImageFont.truetype(io.BytesIO(data), 2 * LARGE * BOX)


@cache
def _letter(face: int, label: int) -> Image:
    """A letter that fills the box, in the middle, `LARGE` times as large as in the pictures."""
    from PIL import Image, ImageDraw

    space = 4 * LARGE * BOX
    drawn = Image.new("L", (space, space))
    ImageDraw.Draw(drawn).text((space / 2, space / 2), LETTERS[label], fill=255, font=_face(face), anchor="mm")
    letter = drawn.crop(drawn.getbbox())
    width, height = (max(1, round(n * LARGE * BOX / max(letter.size))) for n in letter.size)
    large = Image.new("L", (LARGE * SIDE, LARGE * SIDE))
    corner = (LARGE * SIDE - width) // 2, (LARGE * SIDE - height) // 2
    large.paste(letter.resize((width, height), Image.Resampling.BOX), corner)
    return large
