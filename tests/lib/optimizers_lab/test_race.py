"""The race: its rules, its landscapes, and the ratios that the claims read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from lib.optimizers.experiments import functions, landscapes
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig, build
from lib.optimizers.surfaces import SURFACES, Surface, ravine

SEED = Seed(3)


def race(name: str, place: Any, starts: np.ndarray, rates: Any, **settings: Any) -> np.ndarray:
    """The steps of arrival (rates, starts) of an optimizer in torch's convention."""
    config = OptimizersConfig(**{"hold": 10} | settings)
    return functions.race(build(name, settings.get("framework", "torch")), place, starts, np.array(rates), config)[0]


@pytest.mark.parametrize("convention", ["torch", "keras"])
@pytest.mark.parametrize("name", LECTURE)
def test_the_grid_at_once_is_every_rate_by_itself(name: str, convention: str) -> None:
    surface, hold = SURFACES["beale"], 10
    starts = landscapes.random_starts(surface, 3, SEED)
    grid = (0.003, 0.1, 1.0)
    at_once = race(name, surface, starts, grid, steps=200, target=1.0, framework=convention)
    for rate, reached in zip(grid, at_once, strict=True):
        optimizer = build(name, convention, learning_rate=rate)
        for start, steps in zip(starts, reached, strict=True):
            p, state, heights = start, optimizer.init(start), []
            for _ in range(200 + hold - 1):
                p, state = optimizer.update(surface.gradient(p), state, p)
                heights.append(float(surface.value(p)))
            limit = functions.JUMP * float(surface.value(start))
            arrivals = (i + 1 for i in range(200) if np.max(heights[i : i + hold]) <= 1.0)
            first = next((i for i in arrivals if np.max(heights[: i + hold - 1]) <= limit), np.inf)
            assert steps == first


def test_steps_of_descent_on_the_ravine_in_closed_form() -> None:
    starts, rate, t = np.array([[-10.0, 1.0]]), 0.015, np.arange(1, 2_000)
    f = 0.5 * ((10 * (1 - rate) ** t) ** 2 + 100 * (1 - 100 * rate) ** (2 * t))
    assert race("GradientDescent", ravine, starts, [rate], steps=2_000).item() == t[np.argmax(f <= 1e-3)]


LINE = Surface(
    "line", "", lambda x, y: 0.5 * x * x, lambda x, y: (x, 0 * y), ((0.0, 0.0),), (1.0, 0.0), ((-1.0, 1.0),) * 2
)


def test_hopping_over_the_minimum_is_no_arrival() -> None:
    """On f = x²/2 with the rate 2 the point hops between 1 and -1; within a target above 1/2 it is at once."""
    starts = np.array([[1.0, 0.0]])
    assert race("GradientDescent", LINE, starts, [1.9999], steps=100, target=0.4).item() == np.inf
    assert race("GradientDescent", LINE, starts, [1.9999], steps=100, target=0.6).item() == 1
    rule = build("Momentum", "torch", learning_rate=0.1)
    p, state, first = starts, rule.init(starts), 0
    while LINE.value(p)[0] > 1e-3:
        p, state = rule.update(LINE.gradient(p), state, p)
        first += 1
    assert race("Momentum", LINE, starts, [0.1], steps=500).item() > first  # it first passes through at speed


def test_who_leaves_again_has_not_arrived() -> None:
    """Momentum rolls through the target and is back later; how long it must stay decides which visit is the arrival."""
    starts, rate = np.array([[1.0, 0.0]]), [0.02]
    short, long = (race("Momentum", LINE, starts, rate, steps=2_000, target=1e-2, hold=hold) for hold in (2, 100))
    assert short.item() < long.item() < np.inf


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop"])
def test_a_jump_wins_no_race(name: str) -> None:
    """A first step of 10 throws f from 100 beyond 1,000; then the rates are Newton's, and the next steps arrive."""
    starts = np.array([[-10.0, 1.0]])
    optimizer = build(name, "torch", learning_rate=10.0)
    p, state = starts, optimizer.init(starts)
    heights = []
    for _ in range(100):
        p, state = optimizer.update(ravine.gradient(p), state, p)
        heights.append(ravine.value(p)[0])
    assert np.max(heights) > functions.JUMP * ravine.value(starts)[0]
    assert np.min(heights) < 1e-3
    assert race(name, ravine, starts, [10.0], steps=200, hold=1).item() == np.inf


def test_the_turned_ravine_is_the_ravine_turned() -> None:
    turned = landscapes.turned_ravine
    points = np.random.default_rng(0).normal(size=(20, 2))
    c = np.sqrt(0.5)
    back = points @ np.array([[c, -c], [c, c]])
    np.testing.assert_allclose(turned.value(points), ravine.value(back), rtol=1e-12)
    h = 1e-6
    numeric = [(turned.value(points + e) - turned.value(points - e)) / (2 * h) for e in h * np.eye(2)]
    np.testing.assert_allclose(turned.gradient(points), np.transpose(numeric), rtol=1e-6, atol=1e-6)


def test_the_bowl_has_its_curvatures_along_random_axes() -> None:
    bowl, other = landscapes.bowl(SEED), landscapes.bowl(Seed(4))
    np.testing.assert_allclose(bowl.axes.T @ bowl.axes, np.eye(20), atol=1e-12)
    np.testing.assert_allclose(np.linalg.eigvalsh(bowl.hessian), landscapes.CURVATURES, rtol=1e-10)
    assert np.abs(bowl.axes - other.axes).max() > 0.1
    assert np.abs(bowl.axes).max() < 0.99  # no axis is a coordinate's
    starts = landscapes.random_starts(bowl, 7, SEED)
    np.testing.assert_allclose(bowl.value(starts), landscapes.HEIGHT, rtol=1e-10)
    h = 1e-5
    numeric = [(bowl.value(starts + e) - bowl.value(starts - e)) / (2 * h) for e in h * np.eye(20)]
    np.testing.assert_allclose(bowl.gradient(starts), np.transpose(numeric), rtol=1e-6, atol=1e-6)


def test_the_bowl_as_drawn_is_the_ravine_in_the_plane_of_two_axes() -> None:
    bowl = landscapes.bowl(SEED)
    flat = np.array([[1.0, 0.0], [-2.0, 0.3]])
    points = flat @ bowl.axes[:, [0, -1]].T
    np.testing.assert_allclose(landscapes.seen_from_above(bowl, points), flat, atol=1e-12)
    np.testing.assert_allclose(bowl.value(points), ravine.value(flat), rtol=1e-10)
    assert bowl.value(landscapes.drawn_start(bowl)) == pytest.approx(landscapes.HEIGHT)


# Claims


def raced(steps: dict[str, list[float]], seeds: int = 1, **changes: list[float]) -> Results:
    """Results in which every landscape gave the same steps; `changes` on one landscape, as ``beale__Adam=[…]``."""
    measured = {name: dict.fromkeys(landscapes.RACED, values) for name, values in steps.items()}
    for key, values in changes.items():
        place, name = key.split("__")
        measured[name] = {**measured[name], place: values}
    config = OptimizersConfig()
    trials = [Trial("functions/final", config, seed) for seed in range(seeds)]
    return Results([Result(trial, "", "FINISHED", {"steps": measured}) for trial in trials])


def ratio(results: Results, slower: tuple[str, ...], faster: str, *names: str) -> list[float]:
    return list(functions.times_the_steps(slower, faster, names or ("beale",))(results))


RACES: dict[str, tuple[tuple[str, ...], str]] = {
    "momentum-rescues": (("GradientDescent",), "Momentum"),
    "rmsprop-improves-adagrad": (("Adagrad",), "RMSprop"),
    "adam-is-the-sum": (functions.SUMMANDS, "Adam"),
}
"""By row: those that should be slower, and the one that should be faster."""


def by_seed(claim: str, slower: Sequence[float], faster: Sequence[float]) -> Results:
    """Results in which the optimizers of a claim need these steps from every start, a number for each seed."""
    peers, better = RACES[claim.split("/", maxsplit=1)[0]]
    results: list[Result] = []
    for seed, (one, other) in enumerate(zip(slower, faster, strict=True)):
        steps = {**{peer: [one] * 3 for peer in peers}, better: [other] * 3}
        results.append(replace(raced(steps)[0], trial=Trial("functions/final", OptimizersConfig(), seed)))
    return Results(results)


def judged(claim: Claim, results: Results) -> tuple[str, str]:
    record = judge(claim, results, "optimizers")
    return str(record["verdict"]), str(record["note"])


@pytest.mark.parametrize("claim", functions.CLAIMS, ids=lambda claim: claim.id)
def test_every_race_has_every_verdict(claim: Claim) -> None:
    slow, fast = (200, 210, 190, 205, 195, 200), (100, 102, 98, 100, 101, 99)
    assert judged(claim, by_seed(claim.id, slow, fast))[0] == "holds"
    assert judged(claim, by_seed(claim.id, fast, slow))[0] == "fails", "the arms swapped"
    assert judged(claim, by_seed(claim.id, slow, slow))[0] == "fails", "the treatment removed"
    assert judged(claim, by_seed(claim.id, (105,) * 6, (100,) * 6))[0] == "fails", "less than a tenth"
    assert judged(claim, by_seed(claim.id, (200, 90, 210, 80, 190, 100), (100,) * 6))[0] == "inconclusive"
    assert judged(claim, by_seed(claim.id, (np.inf,) * 6, fast))[0] == "holds"
    assert judged(claim, by_seed(claim.id, fast, (np.inf,) * 6))[0] == "fails"


@pytest.mark.parametrize("claim", functions.CLAIMS, ids=lambda claim: claim.id)
def test_a_race_without_arrivals_with_few_seeds_or_with_a_failed_one_decides_nothing(claim: Claim) -> None:
    verdict, note = judged(claim, by_seed(claim.id, (np.inf,) * 6, (np.inf,) * 6))
    assert verdict == "inconclusive"
    assert "NaN" in note
    assert judged(claim, by_seed(claim.id, (200,) * 5, (100,) * 5))[0] == "inconclusive"
    failed = Result(Trial("functions/final", OptimizersConfig(), 6), "", "FAILED", error="no memory")
    verdict, note = judged(claim, Results([*by_seed(claim.id, (200,) * 6, (100,) * 6), failed]))
    assert verdict == "inconclusive"
    assert "functions/final, seed 6 (FAILED: no memory)" in note


def test_the_median_start_decides_and_who_never_arrives_is_infinitely_slow() -> None:
    results = raced({"Adagrad": [100.0, np.inf, 30.0], "RMSprop": [10.0, 10.0, 10.0]})
    assert ratio(results, ("Adagrad",), "RMSprop") == pytest.approx([10.0])
    assert ratio(raced({"Adagrad": [np.inf] * 3, "RMSprop": [9.0, 9.0, np.inf]}), ("Adagrad",), "RMSprop") == [np.inf]
    assert ratio(raced({"Adagrad": [9.0, 9.0, np.inf], "RMSprop": [np.inf] * 3}), ("Adagrad",), "RMSprop") == [0.0]


def test_nobody_arriving_from_most_starts_is_no_number() -> None:
    few = raced({"Adagrad": [np.inf, np.inf, 5.0], "RMSprop": [np.inf, np.inf, 5.0]})
    assert np.isnan(ratio(few, ("Adagrad",), "RMSprop")).all()
    most = raced({"Adagrad": [np.inf, 8.0, 6.0], "RMSprop": [np.inf, 4.0, 3.0]})
    assert ratio(most, ("Adagrad",), "RMSprop") == pytest.approx([2.0])


def test_of_several_the_middle_one_on_the_median_landscape() -> None:
    steps = {"Adagrad": [10.0], "RMSprop": [np.inf], "Momentum": [30.0], "Adam": [10.0]}
    assert ratio(raced(steps), functions.SUMMANDS, "Adam") == pytest.approx([3.0])
    uneven = raced(steps, ravine__Adam=[1.0], beale__Adam=[np.inf], bowl__Adam=[15.0])
    assert ratio(uneven, functions.SUMMANDS, "Adam", "ravine", "beale", "bowl") == pytest.approx([2.0])


def test_the_other_way_round_is_the_reciprocal() -> None:
    """Twice as slow on one landscape and twice as fast on another is no advantage: the two in the middle are equal."""
    even = raced(
        {"Adagrad": [20.0, 30.0], "RMSprop": [20.0, 30.0]}, ravine__RMSprop=[10.0, 15.0], beale__RMSprop=[40.0, 60.0]
    )
    assert ratio(even, ("Adagrad",), "RMSprop", "ravine", "beale") == pytest.approx([1.0])
    uneven = raced({"Adagrad": [20.0, 90.0], "RMSprop": [10.0, 15.0]})
    there, back = (ratio(uneven, (one,), other) for one, other in (("Adagrad", "RMSprop"), ("RMSprop", "Adagrad")))
    assert there == pytest.approx([np.sqrt(12.0)])
    assert back == pytest.approx([1 / there[0]])


def test_one_that_never_arrives_beside_another_that_always_does_is_no_number() -> None:
    both = raced({"Adagrad": [np.inf], "RMSprop": [10.0]}, ravine__Adagrad=[10.0], ravine__RMSprop=[np.inf])
    assert np.isnan(ratio(both, ("Adagrad",), "RMSprop", "ravine", "beale")).all()


def test_an_optimizer_that_has_not_raced_is_missing_and_no_bug() -> None:
    with pytest.raises(LookupError, match="RMSprop has not raced"):
        ratio(raced({"Adagrad": [1.0]}), ("Adagrad",), "RMSprop")


def test_seeds_are_paired_by_their_numbers() -> None:
    results = list(raced({"Adagrad": [20.0], "RMSprop": [10.0]}, seeds=3))
    backwards = functions.times_the_steps(("Adagrad",), "RMSprop", ("bowl",))(Results(results[::-1]))
    assert (backwards.seeds, backwards.values.tolist()) == ((0, 1, 2), pytest.approx([2.0, 2.0, 2.0]))
