"""The order of every sum, shown by probing: which numbers met before which others, as Xu et al.'s FPRev finds it.

With +m at place i, -m at place j and small ones elsewhere, m so large that m + 1 = m, what is added to a partial sum
that has one of the two is lost. The ones that survive tell how many meet i's and j's common partial sum later.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lib.kernels import functions
from tests.lib.kernels import support

LARGE = np.float32(2.0**30)
Sum = Callable[[np.ndarray], float]


def met(sum_of: Sum, n: int) -> np.ndarray:
    """For each pair of n numbers, how many are in the smallest partial sum that has both: (n, n)."""
    found = np.zeros((n, n), int)
    for i in range(n):
        for j in range(i + 1, n):
            x = np.ones(n, np.float32)
            x[i], x[j] = LARGE, -LARGE
            found[i, j] = found[j, i] = n - round(float(sum_of(x)))
    return found


def in_order(n: int) -> np.ndarray:
    """The same for a sum from the first to the last."""
    return np.array([[0 if i == j else max(i, j) + 1 for j in range(n)] for i in range(n)])


def in_lanes(n: int) -> np.ndarray:
    """The same for sixteen lanes that meet in halves: lane l with l + 8, then l + 4, and so on."""
    members = {lane: [i for i in range(n) if i % 16 == lane] for lane in range(16)}
    found = np.zeros((n, n), int)
    for i in range(n):
        for j in range(n):
            if i != j and i % 16 == j % 16:
                found[i, j] = members[i % 16].index(max(i, j)) + 1
            elif i != j:
                half = next(h for h in (8, 4, 2, 1) if i % h == j % h)
                found[i, j] = sum(len(members[lane]) for lane in range(16) if lane % half == i % half)
    return found


@pytest.mark.parametrize("n", [2, 5, 16, 17, 40])
def test_a_product_adds_in_order(levels: dict[str, ctypes.CDLL], n: int) -> None:
    for compiled in levels.values():
        for rows, columns in ((1, 1), (13, 33)):
            weights = np.ones((rows, n), np.float32)

            def total(x: np.ndarray, weights: np.ndarray = weights, columns: int = columns) -> float:
                y = functions.product(weights, np.repeat(x[:, None], columns, 1), compiled)  # noqa: B023
                assert len(set(y.ravel().tolist())) == 1, "every place of a product has the same order"
                return float(y[0, 0])

            np.testing.assert_array_equal(met(total, n), in_order(n))


@pytest.mark.parametrize("n", [2, 16, 19, 40])
def test_examples_meet_in_lanes_and_a_tree(levels: dict[str, ctypes.CDLL], n: int) -> None:
    for compiled in levels.values():
        np.testing.assert_array_equal(met(lambda x: float(functions.total(x, compiled)), n), in_lanes(n))  # noqa: B023


def test_a_product_is_one_chain_of_fmas(levels: dict[str, ctypes.CDLL]) -> None:
    """Against exact arithmetic rounded once a step."""
    from fractions import Fraction

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 9)).astype(np.float32), rng.normal(size=(9, 5)).astype(np.float32)
    expected = np.empty((3, 5), np.float32)
    for i in range(3):
        for j in range(5):
            total = np.float32(0)
            for k in range(9):
                exact = Fraction(float(a[i, k])) * Fraction(float(b[k, j])) + Fraction(float(total))
                total = nearest(exact)
            expected[i, j] = total
    for compiled in levels.values():
        np.testing.assert_array_equal(functions.product(a, b, compiled), expected)


def nearest(exact: object) -> np.float32:
    """The float that is nearest to a fraction: of its neighbours in float32, not by way of float64."""
    from fractions import Fraction

    assert isinstance(exact, Fraction)
    near = np.float32(float(exact))
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda x: (abs(Fraction(float(x)) - exact), int(x.view(np.uint32)) & 1))


@pytest.mark.parametrize("name", support.NETWORKS)
def test_an_example_has_the_same_outputs_whatever_its_neighbours(levels: dict[str, ctypes.CDLL], name: str) -> None:
    make, shape, classes = support.NETWORKS[name]
    inputs, _ = support.examples(shape, classes, 40)
    model = make()
    for compiled in levels.values():
        whole = support.network_of(compiled, model, None, 40).outputs(inputs)
        for batch in (1, 7, 16, 33):
            np.testing.assert_array_equal(support.network_of(compiled, model, None, batch).outputs(inputs), whole)
        np.testing.assert_array_equal(support.network_of(compiled, model, None, 8).outputs(inputs[::-1])[::-1], whole)


def test_gradients_do_not_depend_on_what_was_there_before(levels: dict[str, ctypes.CDLL]) -> None:
    """A smaller batch after a larger one leaves nothing of the larger one behind."""
    make, shape, classes = support.NETWORKS["modern"]
    inputs, labels = support.examples(shape, classes, 40)
    for compiled in levels.values():
        model = make()
        used, fresh = (support.network_of(compiled, model, None, 40) for _ in range(2))
        used.train(inputs, labels, np.arange(40))
        for own in (used, fresh):
            own.train(inputs, labels, np.arange(5))
        for left, right in zip(used.gradients(), fresh.gradients(), strict=True):
            np.testing.assert_array_equal(left, right)
        assert torch.is_grad_enabled()
