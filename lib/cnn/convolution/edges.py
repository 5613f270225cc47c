"""Row `extracts-features`, filters by hand: what Sobel's and Gabor's filters find in real pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.cnn.convolution.arithmetic import EQUAL, deviation
from lib.cnn.convolution.by_hand import convolve_fft, filtered, turned
from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.filters import SOBEL_X, SOBEL_Y, gabor
from lib.cnn.convolution.growth import stack
from lib.data import fashion_mnist, photographs
from lib.harness.contract.claim import Claim, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log

UPRIGHT, LEVEL = "trouser", "sneaker"
"""Clothes of which everybody sees how most of their edges run."""
DIRECTIONS = 12
"""Gabor filters, 15 degrees apart."""
WAVELENGTH = 8.0
BEFORE, WINDOW = 2, 20
"""Smoothing filters before the derivatives and over their products: Sobel behind two prefers waves of 7.5 pixels, and
20 make a bell as wide as the Gabor filters'. Finer edges may run elsewhere, as the tiles on the temple's roof do."""
STRONGEST = 0.1
"""Share of a photograph's pixels that count as edges."""
NEARLY_ALL = 0.9
"""Share of pictures, or of edges, in which a filter by hand finds what everybody sees: by chance it would be half."""


def trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Sobel on clothes, Gabor on photographs, and a filter on a picture that is moved."""
    clothes = sobel_on_clothes(config.garments)
    tuned = {name: gabor_on_photograph(photographs.grey(name)) for name in photographs.NAMES}
    log(0, **{name: found["share"] for name, found in tuned.items()})
    return {"upright": clothes, "gabor": tuned, "moved": moved(), "pictures": pictures()}


def sobel_on_clothes(number: int) -> dict[str, list[float]]:
    """Upright share of each picture's edges, |gx| / (|gx| + |gy|) over all pixels, by kind of clothes."""
    split = fashion_mnist.validation().first(number)
    images = split.scaled().astype(np.float64)[:, None]
    gx, gy = (
        np.abs(convolve_fft(images, turned(kernel)[None, None], "same")).sum(axis=(1, 2, 3))
        for kernel in (SOBEL_X, SOBEL_Y)
    )
    share = gx / (gx + gy)
    return {name: share[split.labels == label].tolist() for label, name in enumerate(fashion_mnist.CLASSES)}


def edge_directions(photograph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Direction in which brightness changes, in [0, pi), and how strongly, at each pixel, at the Gabor filters' scale.

    The structure tensor (Bigun & Granlund 1987): products of the two derivatives, smoothed. Its first eigenvector
    minds no sign, so both sides of a line agree.
    """
    smooth = filtered(photograph, stack(BEFORE), "same")
    gx, gy = (filtered(smooth, kernel, "same") for kernel in (SOBEL_X, SOBEL_Y))
    products = np.stack([gx * gx, gy * gy, gx * gy])[:, None]
    xx, yy, xy = convolve_fft(products, stack(WINDOW)[None, None], "same")[:, 0]
    return np.mod(np.arctan2(2 * xy, xx - yy) / 2, np.pi), np.hypot(2 * xy, xx - yy)


def gabor_energies(photograph: np.ndarray) -> np.ndarray:
    """(DIRECTIONS, height, width): even² + odd² of the filters of each direction."""
    energies = []
    for k in range(DIRECTIONS):
        waves = [gabor(np.pi * k / DIRECTIONS, WAVELENGTH, phase) for phase in (0.0, -np.pi / 2)]
        kernels = np.stack([turned(wave) for wave in waves])[:, None]
        energies.append(np.sum(convolve_fft(photograph[None, None], kernels, "same")[0] ** 2, axis=0))
    return np.array(energies)


def gabor_on_photograph(photograph: np.ndarray) -> dict[str, Any]:
    """At the strongest edges: how often the filter along the edge beats the one across, and the mean response by angle.

    Returns:
        share: of pixels at which it wins. tuning: (DIRECTIONS,) mean amplitude, over that of the filter that fits,
        by the angle between filter and edge, 0, 15, … 165 degrees.
    """
    direction, strength = edge_directions(photograph)
    energies = gabor_energies(photograph)
    margin = 24  # the reach of the zeros around the picture
    inside = (slice(margin, -margin), slice(margin, -margin))
    direction, strength, energies = direction[inside], strength[inside], energies[(..., *inside)]
    strong = strength >= np.quantile(strength, 1 - STRONGEST)
    fits = np.rint(direction[strong] * DIRECTIONS / np.pi).astype(int) % DIRECTIONS
    each = energies[:, strong]
    by_angle = np.array([each[(fits + k) % DIRECTIONS, np.arange(len(fits))] for k in range(DIRECTIONS)])
    tuning = np.sqrt(by_angle).mean(axis=1)
    return {
        "share": float(np.mean(by_angle[0] > by_angle[DIRECTIONS // 2])),
        "edges": int(strong.sum()),
        "tuning": tuning / tuning[0],
    }


def moved(rows: int = 5, columns: int = 9) -> float:
    """Deviation of the response to a moved picture from the moved response."""
    photograph = photographs.grey("flower")[100:260, 200:360]
    kernel = gabor(np.pi / 4, WAVELENGTH)
    response = filtered(photograph, kernel)
    other = filtered(photograph[rows:, columns:], kernel)
    return deviation(other[None, None], response[None, None, rows:, columns:])


def pictures() -> dict[str, np.ndarray]:
    """A piece of the temple and what four filters make of it, for the figure."""
    photograph = photographs.grey("china")[:320, 150:550]
    found = {"photograph": photograph}
    for name, kernel in (("upright", SOBEL_X), ("level", SOBEL_Y)):
        found[name] = np.abs(filtered(photograph, kernel, "same"))
    for degrees in (45, 135):
        waves = [gabor(np.radians(degrees), WAVELENGTH, phase) for phase in (0.0, -np.pi / 2)]
        found[f"gabor {degrees}"] = np.hypot(*(filtered(photograph, wave, "same") for wave in waves))
    return {name: np.round(image[10:-10:2, 10:-10:2], 4) for name, image in found.items()}


# Claims


def _upright(kind: str) -> Callable[[Results], float]:
    """Share of the pictures of a kind of clothes that have more upright than level edges."""
    return lambda results: float(np.mean(np.array(results.of("edges")[0].measurements["upright"][kind]) > 0.5))


def _gabor(results: Results) -> float:
    return smallest(found["share"] for found in results.of("edges")[0].measurements["gabor"].values())


CLAIMS = (
    Claim(
        "extracts-features/sobel-upright", role="sentence", kind="exact", measure=_upright(UPRIGHT), at_least=NEARLY_ALL
    ),
    Claim(
        "extracts-features/sobel-level",
        role="sentence",
        kind="exact",
        measure=lambda results: 1 - _upright(LEVEL)(results),
        at_least=NEARLY_ALL,
    ),
    Claim("extracts-features/gabor", role="sentence", kind="exact", measure=_gabor, at_least=NEARLY_ALL),
    Claim(
        "extracts-features/moved",
        role="identity",
        kind="exact",
        measure=lambda results: results.of("edges")[0].measurements["moved"],
        at_most=EQUAL,
    ),
)
