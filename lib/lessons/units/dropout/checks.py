"""Exercises of the lesson on dropout, judged by the lab's own functions and by properties of the answer."""

from __future__ import annotations

import numpy as np

from lib.lessons.checks import Hint, Learner, relation, same

P = 0.2
"""Probability of the check: with a half one could not tell p from 1 - p."""


def kept_value(learner: Learner) -> Hint | None:
    """A unit of output 3, cut with probability 1/4, has the mean 3 if it gives 4 otherwise."""
    value = learner.value_number()
    for key, wrong in (
        ("unchanged", 3.0),
        ("smaller", 3 * (1 - 0.25)),
        ("by_p", 3 / 0.25),
        ("times_p", 3 * 0.25),
        ("plus_p", 3 * (1 + 0.25)),
    ):
        if same(value, wrong):
            return Hint(key, mean=0.75 * wrong)
    return None if same(value, 4.0) else Hint("other", mean=0.75 * value)


def my_dropout(learner: Learner) -> Hint | None:
    """Every value is 0 with probability p, on its own, else divided by 1 - p; the chance is that of `rng`."""
    x = np.random.default_rng(0).uniform(0.5, 2, (300, 60)) * np.where(np.arange(60) % 2, 1, -1)
    first, again, other = (learner.array(x, P, np.random.default_rng(seed), shape=x.shape) for seed in (1, 1, 2))
    kept = first != 0
    if not kept.any():
        return Hint("all_cut")
    return (
        _mask(kept)
        or _scale(first[kept] / x[kept], 1 - float(kept.mean()))
        or _chance(first, again, other)
        or _nothing_to_cut(learner, x)
    )


def _mask(kept: np.ndarray) -> Hint | None:
    """Each value is cut on its own, with probability p."""
    cut = 1 - float(kept.mean())
    if kept.all():
        return Hint("none_cut")
    by_row, by_column = bool((kept == kept[:, :1]).all()), bool((kept == kept[:1]).all())
    if by_row or by_column:
        return Hint("same_for_all" if by_column else "whole_rows")
    if abs(cut - P) > 0.03 and abs(cut - (1 - P)) > 0.03:
        return Hint("share", cut=100 * cut, wanted=100 * P)
    return None


def _scale(ratios: np.ndarray, cut: float) -> Hint | None:
    """Those that stay are divided by 1 - p; p is the probability of being cut."""
    ratio = float(np.median(ratios))
    if not np.allclose(ratios, ratio, rtol=1e-5):
        return Hint("not_proportional")
    if abs(cut - P) > 0.03:
        key = "p_is_kept" if same(ratio, 1 / P) else "comparison"
        return Hint(key, cut=100 * cut, wanted=100 * P)
    wrong = {"scale": 1.0, "multiplied": 1 - P, "by_p": 1 / P, "times_p": P, "plus_p": 1 + P}
    for key, factor in wrong.items():
        if same(ratio, factor):
            return Hint(key, ratio=ratio)
    return None if same(ratio, 1 / (1 - P)) else Hint("ratio", ratio=ratio)


def _chance(first: np.ndarray, again: np.ndarray, other: np.ndarray) -> Hint | None:
    """The same generator gives the same mask, another one another mask."""
    if not np.array_equal(first, again):
        return Hint("own_chance")
    return Hint("always_the_same") if np.array_equal(first, other) else None


def _nothing_to_cut(learner: Learner, x: np.ndarray) -> Hint | None:
    """With p = 0 nothing happens."""
    untouched = learner.array(x, 0.0, np.random.default_rng(1), shape=x.shape)
    return None if same(untouched, x) else Hint("no_cut")


def my_layer(learner: Learner) -> Hint | None:
    """ReLU of the weighted sum; dropped out in training, and left as it is otherwise."""
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(40, 7)), rng.normal(size=(30, 7)), rng.normal(size=30)
    h = np.maximum(x @ W.T + b, 0)
    used, trained = (
        learner.array(x, W, b, P, np.random.default_rng(1), training, shape=h.shape) for training in (False, True)
    )
    if same(trained, h) and not same(used, h):
        return Hint("switched")
    return _used(used, x @ W.T, b) or _trained(trained, h)


def _used(used: np.ndarray, z: np.ndarray, b: np.ndarray) -> Hint | None:
    """When the network is used: ReLU(z + b), and no more."""
    h = np.maximum(z + b, 0)
    if same(used, z + b):
        return Hint("no_relu")
    if same(used, np.maximum(z, 0)) or same(used, np.maximum(z, 0) + b):
        return Hint("bias")
    if ((used == 0) & (h > 0)).any():
        return Hint("used_cut")
    found = relation(used, h)
    if found is None:
        return None
    return Hint("used_scaled", ratio=found.value) if found.kind == "factor" else Hint("used")


def _trained(trained: np.ndarray, h: np.ndarray) -> Hint | None:
    """In training: values of h are cut, the others divided by 1 - p."""
    on = h > 0
    if same(trained, h):
        return Hint("never_cut")
    kept = on & (trained != 0)
    if not kept.any():
        return Hint("all_cut")
    if (trained[~on] != 0).any():
        return Hint("not_the_output")
    ratios = trained[kept] / h[kept]
    ratio = float(np.median(ratios))
    if not np.allclose(ratios, ratio, rtol=1e-5):
        return Hint("not_the_output")
    if same(ratio, 1 / (1 - P)):
        return None
    return Hint("trained_scale", ratio=ratio)


def my_rank(learner: Learner) -> Hint | None:
    """The lab's effective rank, on values that spread over a known number of directions and on others."""
    from lib.mlp.dropout.simplicity import effective_rank

    rng = np.random.default_rng(0)
    H = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 12)) + 0.2 * rng.normal(size=(40, 12)) + 2
    answer = learner.number(H)
    if same(answer, effective_rank(H)):
        return None
    for key, wrong in _ranks_of_mistakes(H).items():
        if same(answer, wrong):
            return Hint(key, rank=answer)
    return Hint("other", rank=answer, units=H.shape[1])


def _ranks_of_mistakes(H: np.ndarray) -> dict[str, float]:
    """The result of each of the usual mistakes for H."""

    def entropy(q: np.ndarray) -> float:
        return -float(np.sum(q * np.log(q)))

    def shares(matrix: np.ndarray) -> np.ndarray:
        s = np.linalg.svd(matrix, compute_uv=False)
        s = s[s > 1e-9 * s[0]]
        return np.asarray(s / s.sum())

    centred = H - H.mean(axis=0)
    q = shares(centred)
    s = np.linalg.svd(centred, compute_uv=False)
    return {
        "centred": float(np.exp(entropy(shares(H)))),
        "axis": float(np.exp(entropy(shares(H - H.mean(axis=1, keepdims=True))))),
        "one_mean": float(np.exp(entropy(shares(H - H.mean())))),
        "squared": float(np.exp(entropy(s**2 / np.sum(s**2)))),
        "no_exp": entropy(q),
        "sign": float(np.exp(-entropy(q))),
        "negative": -entropy(q),
        "base": float(np.exp(entropy(q) / np.log(2))),
        "bits": entropy(q) / np.log(2),
        "counted": float(len(q)),
    }


EXERCISES = {
    "kept_value": kept_value,
    "my_dropout": my_dropout,
    "my_layer": my_layer,
    "my_rank": my_rank,
}
