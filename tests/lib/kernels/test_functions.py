"""The functions of one number and the masks, against float64 and published numbers."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from lib.harness.errors import UserError
from lib.kernels import functions

ORACLES: dict[functions.Function, Any] = {
    "exp": np.exp,
    "log": np.log,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
LIMITS: dict[functions.Function, float] = {"exp": 1.1, "log": 2.0, "sigmoid": 2.8, "tanh": 1.5}
"""Units in the last place, as docker/kernels/functions.h states them."""
TINY = np.float32(1e-45)


def numbers(name: functions.Function) -> np.ndarray:
    """Floats over the whole range of a function, many of them near 0."""
    rng = np.random.default_rng(0)
    if name == "log":
        return np.exp(rng.uniform(-103, 88, 400_000)).astype(np.float32)
    largest = {"exp": 87.3, "sigmoid": 87.0, "tanh": 20.0}[name]
    wide = rng.uniform(-largest, largest, 200_000)
    small = rng.choice((-1, 1), 200_000) * np.exp(rng.uniform(-20, 0, 200_000))
    return np.concatenate([wide, small]).astype(np.float32)


@pytest.mark.parametrize("name", ORACLES)
def test_errors_are_as_stated(levels: dict[str, ctypes.CDLL], name: functions.Function) -> None:
    x = numbers(name)
    exact = ORACLES[name](x.astype(np.float64))
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    for compiled in levels.values():
        found = functions.elementwise(name, x, compiled).astype(np.float64)
        assert np.max(np.abs(found - exact) / unit) <= LIMITS[name]


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("exp", [(0, 1), (-0.0, 1), (-np.inf, 0), (np.inf, np.inf), (-88, 0), (89, np.inf), (-1e30, 0), (TINY, 1)]),
        ("log", [(1, 0), (0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf), (-1, np.nan), (TINY, -103.27893)]),
        ("sigmoid", [(0, 0.5), (np.inf, 1), (-np.inf, 0), (200, 1), (-200, 0), (TINY, 0.5)]),
        ("tanh", [(0, 0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (50, 1), (-50, -1), (TINY, TINY), (-TINY, -TINY)]),
    ],
)
def test_ends_of_the_range(
    levels: dict[str, ctypes.CDLL], name: functions.Function, pairs: list[tuple[float, float]]
) -> None:
    x, expected = np.array([*pairs, (np.nan, np.nan), (-np.nan, np.nan)], np.float32).T.copy()
    for compiled in levels.values():
        found = functions.elementwise(name, x, compiled)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[:-2]), np.signbit(expected[:-2]))
        assert set(found[np.isnan(found)].view(np.uint32)) <= {0x7FC00000}, "one NaN on every processor"


@pytest.mark.parametrize("shape", [(0,), (1,), (15,), (16,), (17,), (3, 5, 7), ()])
def test_any_shape_stride_and_alignment(chosen: ctypes.CDLL, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    found = functions.elementwise("exp", x)
    assert found.shape == x.shape
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)
    crooked = bytes_[1:].view(np.float32).reshape(shape) if x.size else x
    crooked[...] = x
    wide = np.zeros((*shape, 3), np.float32)
    wide[..., 1] = x
    for other in (crooked, wide[..., 1], x.astype(">f4").astype(np.float32)):
        np.testing.assert_array_equal(functions.elementwise("exp", other), found)


def test_another_dtype_is_refused_in_one_line(chosen: ctypes.CDLL) -> None:
    for dtype in (np.float64, np.float16, np.int32, ">f4"):
        with pytest.raises(UserError, match=r"an array of \S+: the kernels compute in float32"):
            functions.elementwise("exp", np.zeros(3, dtype))
    with pytest.raises(UserError, match="shapes"):
        functions.product(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32))
    with pytest.raises(UserError, match="a class for each row"):
        functions.cross_entropy(np.zeros((2, 3), np.float32), np.array([0, 3]))


@pytest.mark.parametrize("n", [0, 1, 16, 37])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_cross_entropy_is_float64s(levels: dict[str, ctypes.CDLL], n: int, size: float) -> None:
    rng = np.random.default_rng(n)
    logits, labels = (rng.normal(size=(n, 7)) * size).astype(np.float32), rng.integers(0, 7, n)
    z = logits.astype(np.float64)
    z = z - z.max(axis=1, keepdims=True, initial=-np.inf)
    expected = np.log(np.exp(z).sum(axis=1)) - z[np.arange(n), labels]
    for compiled in levels.values():
        np.testing.assert_allclose(functions.cross_entropy(logits, labels, compiled), expected, rtol=1e-6, atol=3e-7)


def test_a_logit_that_is_no_number_makes_its_loss_none(levels: dict[str, ctypes.CDLL]) -> None:
    logits = np.zeros((4, 3), np.float32)
    logits[1, 2], logits[2, 0], logits[3, 1] = np.nan, np.inf, -np.inf
    for compiled in levels.values():
        each = functions.cross_entropy(logits, np.array([0, 1, 0, 0]), compiled)
        assert np.isnan(each).tolist() == [False, True, True, False]
        np.testing.assert_allclose(each[[0, 3]], [np.log(3), np.log(2)], rtol=1e-6)


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 as its paper has it, with whole numbers of any size."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & 0xFFFFFFFF, (first >> 32) ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_the_oracle_gives_the_published_numbers() -> None:
    """Known answers of Random123's kat_vectors for philox4x32 with 10 rounds."""
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    counter, key = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]
    assert philox(counter, key) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


@pytest.mark.parametrize("units", [1, 2, 4, 7, 33])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_masks_are_philoxs_words(levels: dict[str, ctypes.CDLL], units: int, rate: float) -> None:
    key, step, layer, first = 0x0123456789ABCDEF, 11, 3, 32
    expected = np.empty((units, 16), np.float32)
    for unit in range(units):
        for lane in range(16):
            word = philox([first + lane, unit // 4, step, layer], [key & 0xFFFFFFFF, key >> 32])[unit % 4]
            expected[unit, lane] = 0 if word < int(rate * 2**32) else np.float32(1 / (1 - rate))
    for compiled in levels.values():
        found = functions.mask(units, rate, key=key, step=step, layer=layer, first=first, compiled=compiled)
        np.testing.assert_array_equal(found, expected)


def test_masks_cut_as_often_as_they_should(levels: dict[str, ctypes.CDLL]) -> None:
    compiled = next(iter(levels.values()))
    cut = np.mean([functions.mask(1000, 0.3, key=5, step=step, compiled=compiled) == 0 for step in range(20)])
    assert abs(cut - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 320_000)
