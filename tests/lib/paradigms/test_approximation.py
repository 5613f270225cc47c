"""Networks as functions: closed forms, torch, and that training side by side is training apart."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lib.harness.contract.seeds import Seed
from lib.models.mlp import Activation, torch_mlp
from lib.paradigms import approximation
from tests.lib.support import Recording

WAVE, HILLS = approximation.TARGETS["wave"], approximation.TARGETS["hills"]


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_a_network_written_by_hand_is_straight_between_its_knots(width: int) -> None:
    rng = np.random.default_rng(0)
    knots = np.sort(rng.uniform(-1, 1, width + 1))
    values = rng.normal(size=width + 1)
    x = rng.uniform(knots[0], knots[-1], (500, 1))
    network = approximation.relu_network(approximation.written(knots, values), x)
    assert_allclose(network, np.interp(x[:, 0], knots, values), atol=1e-9 * width)


def test_it_is_the_network_that_torch_makes_of_these_weights() -> None:
    knots = np.linspace(-1, 1, 9)
    weights = approximation.written(knots, approximation.wave(knots[:, None]))
    x = approximation.grid(101, 1)
    torch.set_default_dtype(torch.float64)
    try:
        outputs = torch_mlp(weights, "relu")(torch.from_numpy(x)).detach().numpy()[:, 0]
    finally:
        torch.set_default_dtype(torch.float32)
    assert_allclose(approximation.by_hand(8, x), outputs, atol=1e-13)


def test_the_bound_uses_the_largest_curvature() -> None:
    x = approximation.grid(100_001, 1)
    second = np.diff(approximation.wave(x), 2) / (x[1, 0] - x[0, 0]) ** 2
    assert np.max(np.abs(second)) == pytest.approx(approximation.WAVE_CURVATURE, rel=1e-5)


def test_the_error_of_a_network_by_hand_falls_with_the_square_of_its_width() -> None:
    x = approximation.grid(5_001, 1)
    worst = [np.max(np.abs(approximation.by_hand(n, x) - approximation.wave(x))) for n in (128, 256, 512)]
    assert_allclose(np.divide(worst[:-1], worst[1:]), 4, rtol=0.02)
    assert approximation.by_hand_over_bound(128) == pytest.approx(1, abs=0.02)


def test_a_grid_and_its_error() -> None:
    assert approximation.grid(3, 2).shape == (9, 2)
    assert {tuple(point) for point in approximation.grid(2, 2)} == {(-1, -1), (-1, 1), (1, -1), (1, 1)}
    values = HILLS.function(HILLS.judge)
    assert approximation.error(HILLS, values) == 0
    assert approximation.error(HILLS, np.full_like(values, values.mean())) == pytest.approx(1)
    several = np.stack([values, values + 1], axis=1)
    assert_allclose(approximation.error(HILLS, several), [0, 1 / values.var()], atol=1e-15)


def test_no_line_is_better_than_the_best_line() -> None:
    rng = np.random.default_rng(1)
    x = WAVE.judge[:, 0]
    best = np.polyfit(x, approximation.wave(WAVE.judge), 1)
    assert_allclose(
        approximation.plane_through(WAVE.judge, approximation.wave(WAVE.judge), WAVE.judge), np.polyval(best, x)
    )
    least = approximation.least_error_of_a_line(WAVE)
    for _ in range(20):
        assert approximation.error(WAVE, np.polyval(best + rng.normal(0, 0.1, 2), x)) > least


def test_distances_from_a_plane_by_hand() -> None:
    plane = 3 + HILLS.judge @ np.array([1.0, -2.0])
    assert approximation.off_a_line(HILLS, np.stack([plane, 2 * plane], axis=1)) < 1e-12
    bent = plane.copy()
    bent[7] += 1
    assert approximation.off_a_line(HILLS, bent[:, None]) == pytest.approx(
        1 / np.std(HILLS.function(HILLS.judge)), rel=0.01
    )


@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_networks_trained_side_by_side_are_those_trained_alone(activation: Activation) -> None:
    settings = {"steps": 20, "learning_rate": 0.03, "log": Recording(), "name": "loss"}
    together = approximation.fit(Seed(1), WAVE, (2, 5, 3), activation, **settings)  # type: ignore[arg-type]
    for column, width in enumerate((2, 5, 3)):
        alone = approximation.fit(Seed(1), WAVE, (width,), activation, **settings)  # type: ignore[arg-type]
        assert_allclose(together.predicted[:, column], alone.predicted[:, 0], atol=1e-12)


def test_a_linear_network_ends_at_the_best_line_and_a_bent_one_does_not() -> None:
    settings = {"steps": 1_000, "learning_rate": 0.03, "log": Recording(), "name": "loss"}
    line = approximation.plane_through(WAVE.train, approximation.wave(WAVE.train), WAVE.judge)
    straight = approximation.fit(Seed(2), WAVE, (16,), "identity", **settings)  # type: ignore[arg-type]
    bent = approximation.fit(Seed(2), WAVE, (16,), "tanh", **settings)  # type: ignore[arg-type]
    assert_allclose(straight.predicted[:, 0], line, atol=1e-6)
    assert approximation.off_a_line(WAVE, straight.predicted) < 1e-12 < approximation.off_a_line(WAVE, bent.predicted)
    assert approximation.error(WAVE, bent.predicted)[0] < approximation.error(WAVE, line) / 2


def test_history_is_the_last_network_from_before_training_to_its_end() -> None:
    log = Recording()
    fit = approximation.fit(Seed(3), WAVE, (2, 4), "tanh", steps=101, learning_rate=0.01, log=log, name="loss")
    assert (fit.steps[0], fit.steps[-1]) == (0, 101)
    assert fit.history.shape == (len(fit.steps), len(WAVE.judge))
    slopes, offsets, outputs = approximation.starting_units(Seed(3), 4, 1)
    assert_allclose(fit.history[0], np.tanh(WAVE.judge @ slopes + offsets) @ outputs, atol=1e-12)
    assert_allclose(fit.history[-1], fit.predicted[:, -1])
    assert [step for step, _ in log.values] == [0, 100]
