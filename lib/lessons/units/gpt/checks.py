"""Exercises of the lesson on GPT: attention, block, temperature and losses, against the lab and against formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Softmax along an axis; minus infinity becomes 0."""
    raised = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


def causal_attention(learner: Learner) -> Hint | None:
    """Causal attention of one text, then of a batch, compared with the lab's own."""
    import torch

    from lib.nlp.gpt.attention import causal_attention as lab
    from lib.nlp.gpt.attention import past

    q, k, v = np.random.default_rng(3).normal(size=(3, 2, 5, 4))
    expected = lab(q, k, v)[0]
    answer = learner.array(*(torch.from_numpy(each[0]) for each in (q, k, v)), shape=(5, 4))
    hint = hint_for(answer, expected[0], attention_mistakes(q[0], k[0], v[0], past(5)))
    if hint is not None:
        return hint
    batch = learner.array(*(torch.from_numpy(each) for each in (q, k, v)), shape=(2, 5, 4))
    return None if same(batch, expected) else Hint("batch")


def attention_mistakes(q: np.ndarray, k: np.ndarray, v: np.ndarray, past: np.ndarray) -> dict[str, np.ndarray]:
    """The attention of one text (T, d) with a mistake, by its hint. `past`: True where one may look."""
    d = q.shape[-1]
    bare = q @ k.T
    scores = bare / np.sqrt(d)

    def hidden(values: np.ndarray, instead: float = -np.inf) -> np.ndarray:
        return np.where(past, values, instead)

    weights = softmax(hidden(scores))
    raised = np.where(past, np.exp(scores), 0.0)
    future = np.where(past.T, scores, -np.inf)
    return {
        "looks_ahead": softmax(scores) @ v,
        "only_ahead": softmax(future) @ v,
        "no_scale": softmax(hidden(bare)) @ v,
        "scaled_by_d": softmax(hidden(bare / d)) @ v,
        "scaled_up": softmax(hidden(bare * np.sqrt(d))) @ v,
        "zero_score": softmax(hidden(scores, 0.0)) @ v,
        "mask_after": np.where(past, softmax(scores), 0.0) @ v,
        "wrong_axis": softmax(hidden(scores), axis=0) @ v,
        "not_normalised": raised @ v,
        "swapped": softmax(hidden(scores.T)) @ v,
        "keys_taken": weights @ k,
        "queries_taken": weights @ q,
        "transposed_weights": weights.T @ v,
        "uniform": past / past.sum(axis=1, keepdims=True) @ v,
        "looks_ahead_no_scale": softmax(bare) @ v,
    }


def block(learner: Learner) -> Hint | None:
    """The two steps of a block, computed from the learner's own parts: norm1, attend, norm2 and mlp."""
    import torch

    torch.manual_seed(4)
    made = learner.make(8, 2)
    with torch.no_grad():  # as they are made, both normalisations are the same
        for name in ("norm1", "norm2"):
            for parameter in learner.attribute(made, name).parameters():
                parameter.uniform_(0.5, 1.5)
    x = 3 * torch.randn(2, 5, 8) + 1

    def part(name: str) -> Callable[[Any], Any]:
        def call(values: Any) -> Any:
            return torch.as_tensor(learner.as_array(learner.method(made, name, values), (2, 5, 8)), dtype=torch.float32)

        return call

    attend, mlp, norm1, norm2 = (part(name) for name in ("attend", "mlp", "norm1", "norm2"))
    h = x + attend(norm1(x))
    mistakes = {
        "no_residual": mlp(norm2(attend(norm1(x)))),
        "no_residual_1": attend(norm1(x)) + mlp(norm2(attend(norm1(x)))),
        "no_residual_2": mlp(norm2(h)),
        "no_norm": x + attend(x) + mlp(x + attend(x)),
        "no_norm_1": x + attend(x) + mlp(norm2(x + attend(x))),
        "no_norm_2": h + mlp(h),
        "norm_after": norm2(norm1(x + attend(x)) + mlp(norm1(x + attend(x)))),
        "norm_of_answer": x + norm1(attend(x)) + norm2(mlp(x + norm1(attend(x)))),
        "from_x": h + mlp(norm2(x)),
        "added_to_x": x + mlp(norm2(h)),
        "only_attention": h,
        "swapped": x + mlp(norm1(x)) + attend(norm2(x + mlp(norm1(x)))),
        "normed_residual": norm1(x) + attend(norm1(x)) + mlp(norm2(norm1(x) + attend(norm1(x)))),
        "one_norm": h + mlp(norm1(h)),
    }
    answer = learner.as_array(learner.method(made, "forward", x), (2, 5, 8))
    wrong = {key: value.numpy() for key, value in mistakes.items()}
    return hint_for(answer, (h + mlp(norm2(h))).numpy(), wrong, relative=1e-4)


def untrained_loss(learner: Learner) -> Hint | None:
    """ln 81, to within a hundredth."""
    value = learner.value_number()
    if abs(value - np.log(81)) <= 0.01:
        return None
    for key, wrong in (
        ("probability", 1 / 81),
        ("sign", -np.log(81)),
        ("bits", np.log2(81)),
        ("log10", np.log10(81)),
        ("count", 81.0),
        ("count", 80.0),
        ("share_wrong", 80 / 81),
        ("share_wrong", 1.0),
        ("zero", 0.0),
    ):
        if abs(value - wrong) <= 2e-3 * max(1.0, abs(wrong)):
            return Hint(key)
    return Hint("other", probability=np.exp(-min(value, 700.0)))


def with_temperature(learner: Learner) -> Hint | None:
    """Softmax of the logits over the temperature; also of large logits."""
    logits, temperature = np.array([2.0, -1.0, 0.5, 3.0, 0.0]), 0.5
    exact = softmax(logits / temperature)
    mistakes = {
        "multiplied": softmax(logits * temperature),
        "ignored": softmax(logits),
        "divided_after": softmax(logits) / temperature,
        "multiplied_after": softmax(logits) * temperature,
        "not_normalised": np.exp(logits / temperature),
        "no_softmax": logits / temperature,
        "shifted_only": np.exp(logits / temperature - (logits / temperature).max()),
        "no_exp": logits / logits.sum(),
        "added": softmax(logits + temperature * np.arange(len(logits))),
        "log": np.log(exact),
        "powered": softmax(logits) ** (1 / temperature),
    }
    hint = hint_for(learner.array(logits, temperature, shape=(5,)), exact, mistakes)
    if hint is not None:
        return hint
    warm = learner.array(logits, 2.0, shape=(5,))
    if not same(warm, softmax(logits / 2.0)):
        return Hint("fixed")
    large = np.asarray(learner(1000 * logits, temperature), dtype=float)
    return None if np.isfinite(large).all() and same(large, softmax(1000 * logits / temperature)) else Hint("overflow")


def loss_by_place(learner: Learner) -> Hint | None:
    """Minus the log-probability of the right character at each place, averaged over the texts."""
    import torch

    n, length, kinds = 3, 4, 6
    rng = np.random.default_rng(5)
    logits, targets = 2 * rng.normal(size=(n, length, kinds)), rng.integers(0, kinds, (n, length))
    answer = learner.array(torch.from_numpy(logits), torch.from_numpy(targets))
    texts, places = np.indices((n, length))
    probability = softmax(logits)[texts, places, targets]
    loss = -np.log(probability)
    if answer.shape == (n,):
        return Hint("wrong_axis", texts=n, places=length)
    if answer.size == 1:
        return Hint("one_number", places=length)
    if answer.shape == (n, length):
        return Hint("not_averaged")
    answer = learner.as_array(answer, (length,))
    mistakes = {
        "sign": -loss.mean(axis=0),
        "sum": loss.sum(axis=0),
        "probability": probability.mean(axis=0),
        "no_softmax": -logits[texts, places, targets].mean(axis=0),
        "no_softmax_sign": logits[texts, places, targets].mean(axis=0),
        "log_outside": -np.log(probability.mean(axis=0)),
        "wrong_softmax": -np.log(softmax(logits, axis=1)[texts, places, targets]).mean(axis=0),
        "wrong_softmax_texts": -np.log(softmax(logits, axis=0)[texts, places, targets]).mean(axis=0),
        "all_characters": -np.log(softmax(logits)).mean(axis=(0, 2)),
        "errors": (logits.argmax(axis=2) != targets).mean(axis=0),
    }
    return hint_for(answer, loss.mean(axis=0), mistakes)


EXERCISES: dict[str, Callable[[Learner], Hint | None]] = {
    "causal_attention": causal_attention,
    "Block": block,
    "untrained_loss": untrained_loss,
    "with_temperature": with_temperature,
    "loss_by_place": loss_by_place,
}
