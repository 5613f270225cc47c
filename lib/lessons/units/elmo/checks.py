"""Exercises of the lesson on ELMo: reading from the back, the two predictions, cosines, the mixture of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for


def read_backward(learner: Learner) -> Hint | None:
    """At each place what a reader has read from the end down to it: here a running sum, of two layers."""
    import torch

    ids = torch.tensor([[1, 2, 4, 8, 16], [3, 9, 27, 81, 243]])
    factors = torch.tensor([1.0, 10.0, 100.0])

    def read(x: Any) -> Any:
        once = torch.cumsum(x.double(), dim=1)[..., None] * factors
        return torch.stack([once, torch.cumsum(once, dim=1)])

    mistakes = {
        "not_reversed": read(ids),
        "not_put_back": read(ids.flip(1)),
        "only_put_back": read(ids).flip(2),
        "texts_reversed": read(ids.flip(0)).flip(1),
        "texts_put_back": read(ids.flip(1)).flip(1),
        "layers_put_back": read(ids.flip(1)).flip(0),
        "width_put_back": read(ids.flip(1)).flip(3),
        "texts_read": read(ids.flip(0)).flip(2),
        "all_flipped": read(ids.flip(0, 1)).flip(2),
    }
    expected = read(ids.flip(1)).flip(2)
    answer = learner.array(read, ids, shape=tuple(expected.shape))
    return hint_for(answer, expected.numpy(), {key: wrong.numpy() for key, wrong in mistakes.items()})


def bilm_loss(learner: Learner) -> Hint | None:
    """Mean cross-entropy of the next words by what was read from the front and of the previous ones from the back."""
    import torch

    rng = np.random.default_rng(2)
    forth, back = 2 * rng.normal(size=(2, 3, 5, 7))
    ids = rng.integers(0, 7, (3, 5))

    def entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return -np.asarray(np.take_along_axis(log_p, targets[..., None], axis=2))[..., 0]

    following = entropy(forth[:, :-1], ids[:, 1:])
    previous = entropy(back[:, 1:], ids[:, :-1])
    itself = entropy(forth, ids), entropy(back, ids)
    peeking = entropy(back[:, :-1], ids[:, 1:])
    before = entropy(forth[:, 1:], ids[:, :-1])
    right = (following.mean() + previous.mean()) / 2
    answer = learner.array(*map(torch.from_numpy, (forth, back, ids)))
    if answer.size != 1:
        return Hint("not_averaged", count=answer.size)
    found = float(answer.reshape(-1)[0])
    if same(found, right):
        return None
    for key, wrong in (
        ("itself", (itself[0].mean() + itself[1].mean()) / 2),
        ("itself_back", (following.mean() + itself[1].mean()) / 2),
        ("itself_forth", (itself[0].mean() + previous.mean()) / 2),
        ("back_peeks", (following.mean() + peeking.mean()) / 2),
        ("forth_peeks", (before.mean() + previous.mean()) / 2),
        ("both_peek", (before.mean() + peeking.mean()) / 2),
        ("only_forth", following.mean()),
        ("only_back", previous.mean()),
        ("sum", 2 * right),
        ("sum", following.sum() + previous.sum()),
        ("sign", -right),
        ("sum_of_itself", itself[0].mean() + itself[1].mean()),
        ("difference", following.mean() - previous.mean()),
    ):
        if same(found, wrong):
            return Hint(key)
    return Hint("other")


def cosine(learner: Learner) -> Hint | None:
    """The cosine of several pairs of vectors, of different lengths."""
    rng = np.random.default_rng(3)
    pairs = rng.normal(size=(6, 2, 4)) * np.array([0.5, 3.0])[:, None]
    answer = np.array([learner.number(a, b) for a, b in pairs])
    a, b = pairs[:, 0], pairs[:, 1]
    dot = (a * b).sum(axis=1)
    long, other = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    right = dot / (long * other)
    mistakes = {
        "dot": dot,
        "one_length": dot / long,
        "other_length": dot / other,
        "squared": dot / (long * other) ** 2,
        "lengths_added": dot / (long + other),
        "absolute": np.abs(right),
        "distance": 1 - right,
        "angle": np.arccos(right),
        "sum_of_numbers": dot / (a.sum(axis=1) * b.sum(axis=1)),
        "precedence": dot / long * other,
        "far": np.linalg.norm(a - b, axis=1),
    }
    return hint_for(answer, right, mistakes)


def mix(learner: Learner) -> Hint | None:
    """The lab's mixture of three layers."""
    from lib.nlp.elmo.mix import mix as lab

    layers, raw, gamma = np.random.default_rng(4).normal(size=(3, 5)), np.array([0.3, 1.2, -0.4]), 1.7
    answer = learner.array(layers, raw, gamma)
    if answer.shape == (3,):
        return Hint("wrong_axis")
    if answer.shape == (3, 5):
        return Hint("not_added")
    answer = learner.as_array(answer, (5,))
    raised = np.exp(raw)
    s = raised / raised.sum()
    inside = np.exp(gamma * raw)
    mistakes = {
        "no_softmax": gamma * raw @ layers,
        "divided_by_sum": gamma * raw / raw.sum() @ layers,
        "not_normalised": gamma * raised @ layers,
        "shifted_only": gamma * np.exp(raw - raw.max()) @ layers,
        "no_gamma": s @ layers,
        "gamma_inside": inside / inside.sum() @ layers,
        "equal": gamma * layers.mean(axis=0),
        "sum": gamma * layers.sum(axis=0),
        "gamma_added": s @ layers + gamma,
        "averaged": gamma * (s @ layers) / 3,
        "largest": gamma * layers[int(raw.argmax())],
        "no_softmax_no_gamma": raw @ layers,
    }
    return hint_for(answer, lab(layers[None], raw, gamma)[0], mistakes)


def role_gap(learner: Learner) -> Hint | None:
    """Mean cosine of pairs with the same label less that of the others, a vector with itself left out."""
    rng = np.random.default_rng(5)
    cases = []
    for count in (7, 9, 12):
        labels = np.arange(count) % 3 // 2
        vectors = rng.normal(size=(count, 6)) + 1.5 * np.eye(6)[2 * labels]
        cases.append((vectors * rng.uniform(0.5, 4, (count, 1)), labels))
    answer = np.array([learner.number(vectors, labels) for vectors, labels in cases])
    right = np.array([_gap(vectors, labels) for vectors, labels in cases])
    mistakes: dict[str, np.ndarray] = {
        key: np.array([_gap(vectors, labels, key) for vectors, labels in cases])
        for key in (
            "with_itself",
            "with_itself_all",
            "not_unit",
            "only_same",
            "only_different",
            "sums",
            "all_pairs",
            "by_column",
        )
    }
    return hint_for(answer, right, mistakes)


def _gap(vectors: np.ndarray, labels: np.ndarray, mistake: str = "") -> float:
    """The gap, or what a mistake makes of it."""
    if mistake == "by_column":
        vectors = vectors / np.linalg.norm(vectors, axis=0, keepdims=True)
    elif mistake != "not_unit":
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    same_label = labels[:, None] == labels
    itself = np.eye(len(labels), dtype=bool)
    within, across = cosines[same_label & ~itself], cosines[~same_label]
    values = {
        "with_itself": cosines[same_label].mean() - across.mean(),
        "with_itself_all": cosines[same_label].mean() - cosines[~same_label | itself].mean(),
        "only_same": within.mean(),
        "only_different": across.mean(),
        "sums": within.sum() - across.sum(),
        "all_pairs": within.mean() - cosines.mean(),
    }
    return float(values.get(mistake, within.mean() - across.mean()))


EXERCISES: dict[str, Callable[[Learner], Hint | None]] = {
    "read_backward": read_backward,
    "bilm_loss": bilm_loss,
    "cosine": cosine,
    "mix": mix,
    "role_gap": role_gap,
}
