"""The lesson on convolution: mistakes get their hints, solutions pass, and the edited filter is the lab's."""

import numpy as np
import pytest

from lib.lessons.units.convolution.explore import photograph, response
from tests.lib.lessons.support import answer, solution, still
from tests.lib.lessons.units.mistakes import cases

SLIDE = """
def slide(x, w):
    h, v = x.shape[0] - len(w) + 1, x.shape[1] - len(w[0]) + 1
    return sum(w[a, b] * x[a : a + h, b : b + v] for a in range(len(w)) for b in range(len(w[0])))

"""
HEADS = {
    "slide": "def slide(x, w):",
    "my_convolve": f"{SLIDE}def my_convolve(x, w):",
    "field_size": "def field_size(kernels, strides):",
    "merge": f"{SLIDE}def merge(a, b):",
}


def sliding(line: str, end: str = "return y") -> str:
    """The body of `slide` with this line in its loops."""
    head = (
        "rows, columns = w.shape\n"
        "height, width = x.shape[0] - rows + 1, x.shape[1] - columns + 1\n"
        "y = np.zeros((height, width))\n"
    )
    return f"{head}for a in range(rows):\n    for b in range(columns):\n        {line}\n{end}"


def placewise(expression: str) -> str:
    """The same place by place: `part` is the window at (i, j)."""
    return (
        "h, v = x.shape[0] - 2, x.shape[1] - 2\ny = np.zeros((h, v))\n"
        f"for i in range(h):\n    for j in range(v):\n        part = x[i : i + 3, j : j + 3]\n"
        f"        y[i, j] = {expression}\nreturn y"
    )


PIECE = "x[a : a + height, b : b + width]"


def walked(*lines: str) -> str:
    """The body of `field_size` with these lines in its loop."""
    inner = "".join(f"    {line}\n" for line in lines)
    return f"seen, step = 1, 1\nfor k, s in zip(kernels, strides):\n{inner}return seen"


def indexed(*lines: str) -> str:
    """The same by index, with other names."""
    inner = "".join(f"    {line}\n" for line in lines)
    return f"r = j = 1\nfor i in range(len(kernels)):\n{inner}return r"


def merging(line: str) -> str:
    """The body of `merge` with this line in its loops."""
    return f"y = np.zeros((7, 7))\nfor i in range(5):\n    for j in range(5):\n        {line}\nreturn y"


MISTAKES = {
    "slide": {
        "overwritten": (sliding(f"y = w[a, b] * {PIECE}"), sliding(f"y[:] = {PIECE} * w[a, b]")),
        "not_multiplied": (sliding(f"y = y + {PIECE}"), placewise("part.sum()")),
        "not_shifted": (
            sliding("y = y + w[a, b] * x[:height, :width]"),
            "return w.sum() * x[: x.shape[0] - 2, : x.shape[1] - 2]",
        ),
        "turned": (
            sliding("y = y + w[rows - 1 - a, columns - 1 - b] * " + PIECE),
            placewise("np.sum(part * np.rot90(w, 2))"),
        ),
        "swapped": (sliding("y = y + w[b, a] * " + PIECE), placewise("np.sum(part * w.T)")),
        "sums": (sliding(f"y = y + w[a, b] + {PIECE}"), placewise("np.sum(part + w)")),
        "averaged": (sliding(f"y = y + w[a, b] * {PIECE} / w.size"), placewise("np.mean(part * w)")),
        "only_first": (
            sliding(f"y = y + w[a, b] * {PIECE}; return y"),
            "return w[0, 0] * x[:-2, :-2]",
        ),
        "not_smaller": (
            "padded = np.pad(x, 1)\ny = np.zeros(x.shape)\n"
            "for i in range(len(x)):\n    for j in range(len(x[0])):\n"
            "        y[i, j] = np.sum(padded[i : i + 3, j : j + 3] * w)\nreturn y",
            "from scipy.signal import correlate2d\nreturn correlate2d(x, w, 'same')",
        ),
    },
    "my_convolve": {
        "not_turned": ("return slide(x, w)", "return slide(x, w[::-1, ::-1][::-1, ::-1])"),
        "upside_down": ("return slide(x, w[::-1])", "return slide(x, np.flipud(w))"),
        "mirrored": ("return slide(x, w[:, ::-1])", "return slide(x, np.fliplr(w))"),
        "transposed": ("return slide(x, w.T)", "return slide(x, np.swapaxes(w, 0, 1))"),
        "quarter": ("return slide(x, np.rot90(w))", "return slide(x, w.T[::-1])"),
        "image_turned": ("return slide(x[::-1, ::-1], w)", "return slide(np.rot90(x, 2), w)"),
        "both_turned": (
            "return slide(x[::-1, ::-1], w[::-1, ::-1])",
            "return np.flip(slide(x, w))",
        ),
        "quarter_back": ("return slide(x, np.rot90(w, -1))", "return slide(x, w.T[:, ::-1])"),
    },
    "edge_filter": {
        "upright": ("[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]", "np.array([[1, 0, -1]] * 3)"),
        "negative": ("[[1, 2, 1], [0, 0, 0], [-1, -2, -1]]", "-np.array([[-1] * 3, [0] * 3, [1] * 3]) / 3"),
        "even": ("[[0, 0, 0], [0, 0, 0], [1, 1, 1]]", "np.ones((3, 3)) / 9"),
        "line": (
            "[[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]",
            "[[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]",
        ),
        "blind": ("[[1, -2, 1], [-2, 4, -2], [1, -2, 1]]", "np.outer([1, -1, 0], [1, -1, 0])"),
        "slanted": ("[[-2, -1, 0], [-1, 0, 1], [0, 1, 2]]", "[[-1, -1, 0], [0, 0, 0], [0, 1, 1]]"),
        "zeros": ("np.zeros((3, 3))", "[[0, 0, 0]] * 3"),
    },
    "field_size": {
        "no_steps": (walked("seen = seen + k - 1"), "return 1 + sum(kernels) - len(kernels)"),
        "own_stride": (
            walked("step = step * s", "seen = seen + (k - 1) * step"),
            indexed("r += (kernels[i] - 1) * j * strides[i]", "j *= strides[i]"),
        ),
        "whole_kernel": (
            walked("seen = seen + k * step", "step = step * s"),
            indexed("r += kernels[i] * j", "j *= strides[i]"),
        ),
        "last_stride": (
            walked("seen = seen + (k - 1) * step", "step = s"),
            indexed("r += (kernels[i] - 1) * (strides[i - 1] if i else 1)"),
        ),
        "added_strides": (
            walked("seen = seen + (k - 1) * step", "step = step + s"),
            indexed("r += (kernels[i] - 1) * (1 + sum(strides[:i]))"),
        ),
        "from_zero": (
            "seen, step = 0, 1\nfor k, s in zip(kernels, strides):\n"
            "    seen += (k - 1) * step\n    step *= s\nreturn seen",
            "return sum((kernels[i] - 1) * np.prod(strides[:i]) for i in range(len(kernels)))",
        ),
        "summed": ("return sum(kernels)", "return np.array(kernels).sum()"),
        "multiplied": ("return np.prod(kernels)", "total = 1\nfor k in kernels:\n    total *= k\nreturn total"),
        "step": (
            walked("seen = seen + (k - 1) * step", "step = step * s").replace("return seen", "return step"),
            "return np.prod(strides)",
        ),
        "only_last": (
            walked("seen = 1 + (k - 1) * step", "step = step * s"),
            "return 1 + (kernels[-1] - 1) * np.prod(strides[:-1])",
        ),
    },
    "merge": {
        "size": ("return slide(b, a)", "return np.zeros((8, 8))"),
        "turned": (
            "return slide(np.pad(a, 4), b)",
            "y = np.zeros((7, 7))\nfor i in range(5):\n    for j in range(5):\n"
            "        y[i : i + 3, j : j + 3] += b[4 - i, 4 - j] * a\nreturn y",
        ),
        "overwritten": (
            merging("y[i : i + 3, j : j + 3] = b[i, j] * a"),
            "y = np.zeros((7, 7))\nfor i in range(3):\n    for j in range(3):\n"
            "        y[i : i + 5, j : j + 5] = a[i, j] * b\nreturn y",
        ),
        "not_multiplied": (merging("y[i : i + 3, j : j + 3] += a"), "return slide(np.pad(a, 4), np.ones((5, 5)))"),
        "swapped": (
            merging("y[i : i + 3, j : j + 3] += b[j, i] * a"),
            merging("y[i : i + 3, j : j + 3] = y[i : i + 3, j : j + 3] + b.T[i, j] * a"),
        ),
        "elementwise": (
            "return np.pad(a, 2) * np.pad(b, 1)",
            "y = np.zeros((7, 7))\ny[2:5, 2:5] = a * b[1:4, 1:4]\nreturn y",
        ),
        "added": ("return np.pad(a, 2) + np.pad(b, 1)", "y = np.pad(b, 1)\ny[2:5, 2:5] += a\nreturn y"),
        "padded": ("return np.pad(a, 2)", "y = np.zeros((7, 7))\ny[1:6, 1:6] = b\nreturn y"),
    },
}
NEEDED = {"my_convolve": ["slide", "my_convolve"]}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("convolution", exercise, code) == key


@pytest.mark.parametrize("exercise", MISTAKES)
def test_the_solution_passes(exercise: str) -> None:
    code = "\n".join(solution("06-convolution", name) for name in NEEDED.get(exercise, [exercise]))
    assert answer("convolution", exercise, code) is None


@pytest.mark.parametrize(
    "right",
    [
        "[[-1, -1, -1], [0, 0, 0], [1, 1, 1]]",
        "[[0, -1, 0], [0, 0, 0], [0, 1, 0]]",
        "[[-3, -3, -3], [1, 1, 1], [2, 2, 2]]",
    ],
)
def test_any_filter_that_finds_the_edge_is_right(right: str) -> None:
    assert answer("convolution", "edge_filter", f"edge_filter = {right}") is None


@pytest.mark.parametrize(
    "body",
    ["return slide(np.pad(a, 4), b[::-1, ::-1])", "from scipy.signal import convolve2d\nreturn convolve2d(b, a)"],
)
def test_filters_merge_in_other_ways(body: str) -> None:
    ((_, _, code), _) = cases({"merge": {"right": (body, body)}}, HEADS)
    assert answer("convolution", "merge", code) is None


def test_the_picture_is_the_labs_correlation() -> None:
    from lib.cnn.convolution.by_hand import filtered

    w = np.random.default_rng(0).normal(size=(3, 3))
    expected = filtered(photograph("flower"), w)
    assert response(photograph("flower"), w, rectified=False) == pytest.approx(expected, abs=1e-12)
    assert response(photograph("flower"), w, rectified=True) == pytest.approx(np.maximum(expected, 0), abs=1e-12)


@pytest.mark.parametrize("number", [0.0, 1.0, -1e9])
def test_every_filter_can_be_drawn(number: float) -> None:
    for relu in (False, True):
        drawn = still("convolution", "filter", filter=np.full((3, 3), number), photo="flower", relu=relu)
        assert drawn.startswith(b"\x89PNG")
