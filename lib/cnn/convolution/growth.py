r"""Row `filters-grow`, size: what a unit behind many convolutions sees.

- **field**: the receptive field of LeNet by formula and by gradient.
- **size**: n smoothing kernels of 3 x 3 in a row are 2n + 1 wide, but as variances add, their bell's width grows as
  sqrt(n). An edge filter behind them prefers longer and longer waves: features of other sizes come out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.cnn.convolution import receptive_field
from lib.cnn.convolution.arithmetic import EQUAL
from lib.cnn.convolution.by_hand import convolve, filtered
from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.filters import SMOOTH, SOBEL_X
from lib.data import photographs
from lib.harness.contract.claim import Claim, Role, largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models import lenet

DEPTHS = (1, 2, 4, 8, 16)
LONGER = 1.1
"""How much longer a wave must be to be another feature: a tenth, where twice as many smoothing filters make their bell
√2 times as wide."""


def size_trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Measure how wide stacked smoothing filters become, and which waves an edge filter behind them prefers."""
    found = size()
    for depth, wavelength in zip(found["depth"], found["wavelength"], strict=True):
        log(int(depth), wavelength=wavelength)
    return {"size": found, "picture": stacked_responses()}


def stack(depth: int) -> np.ndarray:
    """`depth` smoothing kernels of 3 x 3, merged into one."""
    kernel = np.ones((1, 1))
    for _ in range(depth):
        kernel = convolve(kernel[None, None], SMOOTH[None, None])[0, 0]
    return kernel


def size() -> dict[str, list[float]]:
    """The merged kernel's side, the standard deviation of its bell, and the wavelength it prefers, by depth."""
    found: dict[str, list[float]] = {"depth": [], "side": [], "deviation": [], "wavelength": []}
    for depth in DEPTHS:
        kernel = stack(depth)
        place = np.arange(len(kernel)) - len(kernel) // 2
        found["depth"].append(depth)
        found["side"].append(int(np.sum(kernel.any(axis=0))))
        found["deviation"].append(float(np.sqrt(np.sum(kernel * place**2))))
        found["wavelength"].append(preferred_wavelength(convolve(kernel[None, None], SOBEL_X[None, None])[0, 0]))
    return found


def preferred_wavelength(kernel: np.ndarray) -> float:
    """The wavelength of the stripes, running down, to which a kernel responds most, in pixels."""
    strength = np.abs(np.fft.rfft(kernel.sum(axis=0), 4096))
    return float(4096 / np.argmax(strength))


def stacked_responses(depths: tuple[int, ...] = (1, 4, 16)) -> dict[str, np.ndarray]:
    """The strength of edges in the temple behind so many smoothing kernels, at a third of the resolution."""
    photograph = photographs.grey("china")[:300, 120:560]
    found = {"photograph": photograph}
    for depth in depths:
        smooth = filtered(photograph, stack(depth), "same")
        found[str(depth)] = np.hypot(filtered(smooth, SOBEL_X, "same"), filtered(smooth, SOBEL_X.T, "same"))
    return {name: np.round(image[18:-18:2, 18:-18:2], 4) for name, image in found.items()}


def field_trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Sides that LeNet's units see: by formula, by gradient with average pooling, and over many with max pooling."""
    weights = lenet.initial_weights(seed)
    side = receptive_field.LENET_SIDE
    pictures = seed.rng("noise").normal(size=(config.noise, side, side))
    average = receptive_field.gradient_maps(weights, "average", pictures[:1])
    maximum = receptive_field.gradient_maps(weights, "maximum", pictures[:1])
    all_channels = receptive_field.gradient_maps(weights, "maximum", pictures, slice(None))
    found: dict[str, Any] = {
        "formula": receptive_field.by_formula(receptive_field.LENET),
        "average": {name: receptive_field.support(gradient[0]) for name, gradient in average.items()},
        "union": {name: receptive_field.support(gradient.sum(axis=0)) for name, gradient in all_channels.items()},
        "gradient": {
            pooling: {name: gradient[0] for name, gradient in maps.items()}
            for pooling, maps in (("average", average), ("maximum", maximum))
        },
    }
    log(0, **{name: float(sides[0]) for name, sides in found["average"].items()})
    return found


# Claims


def _field(way: str) -> Callable[[Results], float]:
    """Largest difference in pixels between a way and the formula, over layers and directions."""

    def measure(results: Results) -> float:
        found = results.of("field")[0].measurements
        return largest(abs(side - found["formula"][name]) for name, sides in found[way].items() for side in sides)

    return measure


def _bell(results: Results) -> float:
    found = results.of("size")[0].measurements["size"]
    expected = np.sqrt(np.array(found["depth"]) * 0.5)  # SMOOTH has a variance of 1/2
    return float(np.max(np.abs(np.array(found["deviation"]) / expected - 1)))


def _sizes(results: Results) -> float:
    wavelength = np.array(results.of("size")[0].measurements["size"]["wavelength"])
    return float(np.min(wavelength[1:] / wavelength[:-1]))


def _sides(results: Results) -> float:
    found = results.of("size")[0].measurements["size"]
    return largest(abs(side - (2 * depth + 1)) for side, depth in zip(found["side"], found["depth"], strict=True))


def _exact(part: str, role: Role, measure: Callable[[Results], float], **limits: Any) -> Claim:
    return Claim(f"filters-grow/{part}", role=role, kind="exact", measure=measure, **limits)


CLAIMS = (
    _exact("receptive-field", "sentence", _field("average"), at_most=0),
    _exact("receptive-field-maximum", "identity", _field("union"), at_most=0),
    _exact("side", "sentence", _sides, at_most=0),
    _exact("bell", "limit", _bell, at_most=EQUAL),
    _exact("sizes", "sentence", _sizes, at_least=LONGER),
)
