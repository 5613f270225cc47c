"""Equal trials give equal bits: whatever ran before in the worker, in whatever order, on however many workers.

The test lab's trials draw from every global generator, too, and leave them in another state than they found them.
"""

from __future__ import annotations

import pytest

from tests.lib.harness.support import Clone, digests, statuses


def run(clone: Clone, workers: int, *words: str, **settings: object) -> dict[str, str]:
    """Digest of each trial of one lab run in processes of its own."""
    ended = clone.tiny("--workers", str(workers), *words, **settings)
    assert ended.code in (0, 1), ended  # 1: with two frameworks the claims' variants have other names
    assert ended.err == ""
    assert set(statuses(clone.newest())[1:]) == {"FINISHED"}, ended.out
    return digests(clone.newest())


def test_numpy_trials_repeat_alone_in_order_backwards_and_side_by_side(clone: Clone) -> None:
    first = run(clone, 1, seeds=3)
    assert len(set(first.values())) == 6, "every trial has a digest of its own"
    assert run(clone, 2, seeds=3, backwards=True) == {**first}
    alone = run(clone, 1, seeds=1, backwards=True)
    assert alone.items() <= first.items()
    assert run(clone, 2, seeds=3, batch=1) == first


@pytest.mark.slow
def test_another_root_seed_gives_other_trials(clone: Clone) -> None:
    first = run(clone, 2, seeds=2)
    other = run(clone, 2, "--seed", "1", seeds=2)
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())


@pytest.mark.parametrize("framework", [pytest.param("torch", marks=pytest.mark.slow), "keras"])
def test_trials_of_a_framework_repeat_in_order_backwards_and_side_by_side(clone: Clone, framework: str) -> None:
    settings = {"runtimes": [framework], "seeds": 2, "steps": 3}
    first = run(clone, 1, **settings)
    assert len(set(first.values())) == 4
    assert run(clone, 2, **{**settings, "backwards": True}) == first


@pytest.mark.slow
def test_numpy_trials_are_not_those_of_a_framework(clone: Clone) -> None:
    """Two runtimes in one lab: each trial in a process that has loaded its own framework and no other."""
    both = run(clone, 1, runtimes=["numpy", "torch"], seeds=1, steps=3)
    assert set(both) == {f"{f} {v}, seed 0" for f in ("numpy", "torch") for v in ("fast", "slow")}
    alone = run(clone, 1, runtimes=["numpy"], seeds=1, steps=3)
    assert both["numpy fast, seed 0"] != both["torch fast, seed 0"]
    assert alone["fast, seed 0"] == both["numpy fast, seed 0"], "the name of a variant is no part of its result"
