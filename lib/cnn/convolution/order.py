r"""Row `filters-grow`, order: convolutions in a row are one with a larger kernel, until something is between.

Full convolution commutes and is associative, so x * a * b = x * b * a = x * (a * b), and 3 x 3 then 5 x 5 is one
7 x 7. A ReLU between ends that, and so does padding with zeros, but only near the border: the second kernel sees zeros
where the first one's output would go on. With several channels kernels are matrices of kernels; they still merge into
one, but do not commute, as matrices do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.cnn.convolution.arithmetic import DIFFERENT, EQUAL, deviation
from lib.cnn.convolution.by_hand import convolve, cross_correlate
from lib.cnn.convolution.config import ConvolutionConfig
from lib.data import photographs
from lib.harness.contract.claim import Claim, Role, largest, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log

FIRST, SECOND = 3, 5
"""Sides of the two kernels; merged they are 7."""
RING = SECOND // 2
"""Pixels from the border that the second kernel's padding can reach."""
CHANNELS = 3


def relative(found: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square of the difference over that of the truth: the share of the output that is wrong."""
    return float(np.sqrt(np.mean((found - truth) ** 2) / np.mean(truth**2)))


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return np.asarray(np.maximum(x, 0))


def trial(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The largest deviation over the draws, or the smallest where it must differ."""
    photograph = photographs.grey("china")[60 : 60 + config.crop, 250 : 250 + config.crop]
    x = (photograph - photograph.mean())[None, None]
    worst: dict[str, float] = {}
    least: dict[str, float] = {}
    for draw in range(config.draws):
        a, b = (seed.rng("kernel", draw, k).normal(size=(1, 1, k, k)) for k in (FIRST, SECOND))
        equal, differ = one_channel(x, a, b)
        rng = seed.rng("channels", draw)
        colours = rng.normal(size=(1, CHANNELS, 24, 24))
        more_equal, more_differ = many_channels(
            colours, *(rng.normal(size=(CHANNELS, CHANNELS, k, k)) for k in (FIRST, SECOND))
        )
        for name, value in (equal | more_equal).items():
            worst[name] = largest((worst.get(name, 0.0), value))
        for name, value in (differ | more_differ).items():
            least[name] = smallest((least.get(name, np.inf), value))
        log(draw, **worst, **least)
    a, b = (seed.rng("kernel", 0, k).normal(size=(1, 1, k, k)) for k in (FIRST, SECOND))
    return {"equal": worst, "differ": least, "maps": maps(x, a, b)}


def one_channel(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Deviations that must vanish, and those that must not, for two kernels on a picture."""
    merged = convolve(a, b)
    one = convolve(x, merged, "valid")
    kept = convolve(x, merged, "same")
    padded = convolve(convolve(x, a, "same"), b, "same")
    inside = (..., slice(RING, -RING), slice(RING, -RING))
    border = np.ones(kept.shape, bool)
    border[inside] = False
    rectified = convolve(relu(convolve(x, a, "valid")), b, "valid")
    equal = {
        "commute": largest(
            (deviation(convolve(convolve(x, a), b), convolve(convolve(x, b), a)), deviation(convolve(b, a), merged))
        ),
        "associate": deviation(convolve(convolve(x, a), b), convolve(x, merged)),
        "merge": deviation(convolve(convolve(x, a, "valid"), b, "valid"), one),
        "merge_correlation": deviation(cross_correlate(cross_correlate(x, a), b), cross_correlate(x, merged)),
        "interior": deviation(padded[inside], kept[inside]),
    }
    differ = {
        "relu": relative(rectified, one),
        "relu_best_kernel": unexplained(x, rectified),
        "relu_order": relative(convolve(relu(convolve(x, b, "valid")), a, "valid"), rectified),
        "border": relative(padded[border], kept[border]),
    }
    return equal, differ


def many_channels(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """The same for kernels of several channels in and out; the merged one sums over the channels between."""
    merged = convolve(a.swapaxes(0, 1), b).swapaxes(0, 1)
    one_after_other = convolve(convolve(x, a), b)
    return (
        {"channels_merge": deviation(one_after_other, convolve(x, merged))},
        {"channels_order": relative(convolve(convolve(x, b), a), one_after_other)},
    )


def unexplained(x: np.ndarray, y: np.ndarray) -> float:
    """Share of y's spread that the best single kernel with a bias leaves: least squares over all pixels."""
    side = FIRST + SECOND - 1
    windows = np.lib.stride_tricks.sliding_window_view(x[0, 0], (side, side)).reshape(y.size, side**2)
    A = np.column_stack([windows, np.ones(y.size)])
    found, *_ = np.linalg.lstsq(A, y.ravel(), rcond=None)
    return float(np.std(y.ravel() - A @ found) / np.std(y))


def maps(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Differences of two padded kernels, or two with a ReLU between, from the merged one: for the picture."""
    kept = convolve(x, convolve(a, b), "same")
    scale = np.sqrt(np.mean(kept**2))
    first = convolve(x, a, "same")
    errors = {"padded": convolve(first, b, "same"), "relu": convolve(relu(first), b, "same")}
    errors["swapped"] = convolve(convolve(x, b, "same"), a, "same")
    found = {name: np.abs(y - kept)[0, 0] / scale for name, y in errors.items()}
    distance = border_distance(*kept.shape[2:])
    rings = {
        name: [float(np.sqrt(np.mean(error[distance == d] ** 2))) for d in range(8)] for name, error in found.items()
    }
    return {"kernels": {"3": a[0, 0], "5": b[0, 0], "7": convolve(a, b)[0, 0]}, "rings": rings}


def border_distance(height: int, width: int) -> np.ndarray:
    """Pixels between each pixel and the nearest border: 0 on the outermost ring."""
    rows, columns = np.ogrid[:height, :width]
    from_rows, from_columns = np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)
    return np.asarray(np.minimum(from_rows, from_columns))


# Claims


def _order(kind: str, *names: str) -> Callable[[Results], float]:
    """The worst of these deviations that must vanish ("equal"), or the least of those that must not ("differ")."""
    choose = largest if kind == "equal" else smallest
    return lambda results: choose(results.of("order")[0].measurements[kind][name] for name in names)


def _exact(part: str, role: Role, measure: Callable[[Results], float], **limits: Any) -> Claim:
    return Claim(f"filters-grow/{part}", role=role, kind="exact", measure=measure, **limits)


CLAIMS = (
    _exact("commutes", "sentence", _order("equal", "commute", "associate"), at_most=EQUAL),
    _exact("merges", "sentence", _order("equal", "merge", "merge_correlation"), at_most=EQUAL),
    _exact("channels-merge", "identity", _order("equal", "channels_merge"), at_most=EQUAL),
    _exact("channels-order", "limit", _order("differ", "channels_order"), at_least=DIFFERENT),
    _exact("relu-merges-not", "limit", _order("differ", "relu", "relu_best_kernel"), at_least=DIFFERENT),
    _exact("relu-order", "limit", _order("differ", "relu_order"), at_least=DIFFERENT),
    _exact("border", "limit", _order("differ", "border"), at_least=DIFFERENT),
    _exact("interior", "condition", _order("equal", "interior"), at_most=EQUAL),
)
