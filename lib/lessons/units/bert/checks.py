"""Exercises of the lesson on BERT: hiding, the loss at the chosen places, blanks, and answers among the best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for
from lib.models.masking import MASKED, REPLACED

NEAR = 0.04
"""Shares that differ by less are the same: four deviations of 80 % of 2,000 places."""


def hide(learner: Learner) -> Hint | None:
    """The lab's shares: of the chosen places 80 % the mask, 10 % a character by chance, 10 % as they are."""
    rng = np.random.default_rng(1)
    mask, shape = 50, (220, 60)
    ids, chosen = rng.integers(0, mask, shape), rng.random(shape) < 0.15
    shown, again, other = (
        learner.array(ids, chosen, mask, np.random.default_rng(seed), shape=shape) for seed in (2, 2, 3)
    )
    if (shown != ids)[~chosen].any():
        return Hint("outside", count=int((shown != ids)[~chosen].sum()))
    at, was = shown[chosen], ids[chosen]
    if ((at < 0) | (at > mask) | (at != np.round(at))).any():
        return Hint("no_character", mask=mask)
    return (
        _one_fate(shown, other, chosen, mask)
        or _shares(at, was, mask)
        or _random_ones(at[(at != mask) & (at != was)])
        or _chance(shown, again, other)
    )


def _one_fate(shown: np.ndarray, other: np.ndarray, chosen: np.ndarray, mask: int) -> Hint | None:
    """The fate is drawn for each place, not for all or for a whole row."""
    rows = [row for row in range(len(shown)) if chosen[row].sum() >= 4]
    masked = np.array([np.mean(shown[row][chosen[row]] == mask) for row in rows])
    split = bool(((masked > 0) & (masked < 1)).any())
    if split or (masked == 0).all():
        return None
    elsewhere = float(np.mean(other[chosen] == mask))
    if (masked == 1).all() and elsewhere > 1 - NEAR:
        return None  # all are masked, always: that is another mistake
    return Hint("one_fate")


def _shares(at: np.ndarray, was: np.ndarray, mask: int) -> Hint | None:
    """The numbers of those that became the mask, became another character, and stayed."""
    masked, stayed = float(np.mean(at == mask)), float(np.mean(at == was))
    replaced = 1 - masked - stayed
    fields = {"masked": 100 * masked, "replaced": 100 * replaced, "stayed": 100 * stayed}
    stay = 1 - MASKED - REPLACED
    shares = np.array((masked, replaced, stayed))
    key, wanted = min(
        (
            ("", (MASKED, REPLACED, stay)),
            ("nothing", (0, 0, 1)),
            ("all_masked", (1, 0, 0)),
            ("none_stay", (MASKED, 1 - MASKED, 0)),
            ("none_replaced", (MASKED, 0, 1 - MASKED)),
            ("two_draws", (MASKED, 0.02, 0.18)),
            ("nine_tenths", (0.9, 0.1, 0)),
            ("mask_lost", (0, REPLACED, 1 - REPLACED)),
            ("mask_overwritten", (0, MASKED + REPLACED, stay)),
            ("overlap", (MASKED - REPLACED, REPLACED, 2 * stay)),
            ("swapped", (REPLACED, MASKED, stay)),
        ),
        key=lambda known: float(np.abs(shares - known[1]).max()),
    )
    if np.abs(shares - wanted).max() > NEAR:
        return Hint("shares", **fields)
    return Hint(key, **fields) if key else None


def _random_ones(characters: np.ndarray) -> Hint | None:
    """Those that were replaced are all kinds of characters."""
    return Hint("same_character") if len(np.unique(characters)) < 10 else None


def _chance(shown: np.ndarray, again: np.ndarray, other: np.ndarray) -> Hint | None:
    """Chance comes from `rng`."""
    if (shown != again).any():
        return Hint("other_chance")
    return Hint("no_chance") if (shown == other).all() else None


def masked_loss(learner: Learner) -> Hint | None:
    """Mean of minus the log-probability of the right one, over the chosen places of all texts."""
    import torch

    rng = np.random.default_rng(4)
    logits, ids = 2 * rng.normal(size=(3, 6, 5)), rng.integers(0, 5, (3, 6))
    chosen = np.array([[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 1]]).astype(bool)
    texts, places = np.indices(ids.shape)
    log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    loss = -log_p[texts, places, ids]
    answer = learner.array(*map(torch.from_numpy, (logits, ids, chosen)))
    if answer.size != 1:
        return Hint("not_averaged", count=answer.size)
    found, right = float(answer.reshape(-1)[0]), float(loss[chosen].mean())
    if same(found, right):
        return None
    for key, wrong in (
        ("all_places", loss.mean()),
        ("others", loss[~chosen].mean()),
        ("sum", loss[chosen].sum()),
        ("sum_of_all", loss.sum()),
        ("sign", -right),
        ("divided_by_all", loss[chosen].sum() / loss.size),
        ("by_text", np.mean([row[here].mean() for row, here in zip(loss, chosen, strict=True)])),
        ("probability", np.exp(-loss[chosen]).mean()),
        ("no_softmax", -logits[texts, places, ids][chosen].mean()),
        ("all_places_sign", -loss.mean()),
        ("zero_scores", np.where(chosen, loss, np.log(5)).mean()),
    ):
        if same(found, wrong):
            return Hint(key, ratio=found / right)
    return Hint("other")


def fill_blank(learner: Learner) -> Hint | None:
    """Probabilities at the blank of a model that looks at all places, the answer among them if it is shown."""
    import torch

    mask, place, length = 7, 3, 6
    generator = torch.Generator().manual_seed(5)
    own, near = (2 * torch.randn(mask + 1, mask, generator=generator, dtype=torch.float64) for _ in range(2))

    def model(ids: Any) -> Any:
        left, right = torch.roll(ids, 1, dims=1), torch.roll(ids, -1, dims=1)
        return own[ids] + near[left] - 0.5 * near[right]

    ids = torch.tensor([2, 6, 0, 4, 1, 5])
    shown, everything = ids.clone(), torch.full((length,), mask)
    shown[place] = mask
    logits, peeking, blind = model(shown[None])[0], model(ids[None])[0], model(everything[None])[0]

    def chances(scores: Any) -> np.ndarray:
        return np.asarray(torch.softmax(scores, dim=-1).numpy())

    answer = learner.array(model, ids, place, mask)
    if answer.shape == (length, mask):
        return Hint("all_places")
    if answer.size == 1:
        return Hint("one_number")
    answer = learner.as_array(answer.reshape(mask) if answer.size == mask else answer, (mask,))
    mistakes = {
        "peeks": chances(peeking[place]),
        "place_before": chances(logits[place - 1]),
        "place_after": chances(logits[place + 1]),
        "last_place": chances(logits[-1]),
        "first_place": chances(logits[0]),
        "no_softmax": logits[place].numpy(),
        "log": np.log(chances(logits[place])),
        "blind": chances(blind[place]),
        "left_only": chances(model(torch.where(torch.arange(length) >= place, mask, ids)[None])[0, place]),
        "wrong_axis": np.asarray(torch.softmax(logits, dim=0)[place].numpy()),
        "peeks_no_softmax": peeking[place].numpy(),
        "not_normalised": np.exp(logits[place].numpy()),
    }
    return hint_for(answer, chances(logits[place]), mistakes)


def in_top(learner: Learner) -> Hint | None:
    """The share of answers that are among the k most probable, for three k."""
    rng = np.random.default_rng(6)
    n, kinds = 40, 9
    chances = rng.dirichlet(np.ones(kinds), n)
    answers = np.argsort(-chances, axis=1)[np.arange(n), np.minimum(rng.geometric(0.3, n) - 1, kinds - 1)]
    own = chances[np.arange(n), answers]
    better, worse = (chances > own[:, None]).sum(axis=1), (chances < own[:, None]).sum(axis=1)
    ks = (1, 2, 5)
    answer = np.array([learner.number(chances, answers, k) for k in ks])

    def shares(rank: np.ndarray, limits: Any) -> np.ndarray:
        return np.array([np.mean(rank < limit) for limit in limits])

    mistakes = {
        "least": shares(worse, ks),
        "only_first": shares(better, (1, 1, 1)),
        "one_too_many": shares(better, (2, 3, 6)),
        "one_too_few": shares(better, (0, 1, 4)),
        "count": n * shares(better, ks),
        "percent": 100 * shares(better, ks),
        "outside": 1 - shares(better, ks),
        "exactly": np.array([np.mean(better == k - 1) for k in ks]),
        "by_chance": np.array([np.mean(own > 1 / k) for k in ks]),
        "divided_by_k": shares(better, ks) / np.array(ks),
    }
    return hint_for(answer, shares(better, ks), mistakes)


EXERCISES: dict[str, Callable[[Learner], Hint | None]] = {
    "hide": hide,
    "masked_loss": masked_loss,
    "fill_blank": fill_blank,
    "in_top": in_top,
}
