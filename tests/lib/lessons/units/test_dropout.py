"""The lesson on dropout: each typical mistake gets its hint, however it is written, and the solutions pass."""

import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "my_dropout": "def my_dropout(x, p, rng):",
    "my_layer": "def drop(h, p, rng):\n    return h * (rng.random(h.shape) >= p) / (1 - p)\n\n"
    "def my_layer(x, W, b, p, rng, training):",
    "my_rank": "def singular(matrix):\n    return np.linalg.svd(matrix, compute_uv=False)\n\n"
    "def rank(s):\n    q = s / s.sum()\n    return np.exp(-np.sum(q * np.log(q)))\n\n"
    "def my_rank(H):",
}
ON = "h = np.maximum(x @ W.T + b, 0)\n"
SHARES = "s = singular(H - H.mean(axis=0))\nq = s / s.sum()\n"
MISTAKES = {
    "kept_value": {
        "unchanged": ("3", "4 * 0.75"),
        "smaller": ("3 * (1 - 0.25)", "3 - 3 / 4"),
        "by_p": ("3 / 0.25", "12"),
        "plus_p": ("3 * 1.25", "3 + 3 * 0.25"),
        "times_p": ("3 * 0.25", "3 / 4"),
        "other": ("5.5", "11 / 2"),
    },
    "my_dropout": {
        "scale": (
            "return np.where(rng.random(x.shape) < p, 0, x)",
            "return x * rng.binomial(1, 1 - p, x.shape)",
        ),
        "multiplied": (
            "return x * (rng.random(x.shape) >= p) * (1 - p)",
            "kept = x * (rng.random(x.shape) > p)\nreturn kept - p * kept",
        ),
        "by_p": (
            "return x * (rng.random(x.shape) >= p) / max(p, 1e-9)",
            "return np.where(rng.random(x.shape) >= p, x * (1 / (p + 1e-12)), 0)",
        ),
        "times_p": (
            "return x * (rng.random(x.shape) >= p) * p",
            "return np.where(rng.random(x.shape) < p, 0, p * x)",
        ),
        "plus_p": (
            "return x * (rng.random(x.shape) >= p) * (1 + p)",
            "kept = np.where(rng.random(x.shape) < p, 0, x)\nreturn kept + p * kept",
        ),
        "comparison": (
            "return x * (rng.random(x.shape) < p) / (1 - p)",
            "cut = rng.random(x.shape) > p\nreturn np.where(cut, 0, x / (1 - p))",
        ),
        "p_is_kept": (
            "return x * (rng.random(x.shape) < p) / p",
            "return x * rng.binomial(1, p, x.shape) * (1 / p)",
        ),
        "same_for_all": (
            "return x * (rng.random(x.shape[1]) >= p) / (1 - p)",
            "kept = rng.random((1, x.shape[1])) >= p\nreturn np.where(kept, x / (1 - p), 0)",
        ),
        "whole_rows": (
            "return x * (rng.random((len(x), 1)) >= p) / (1 - p)",
            "return np.array([row * (rng.random() >= p) / (1 - p) for row in x])",
        ),
        "ratio": (
            "return x * (rng.random(x.shape) >= p) * 2",
            "return np.where(rng.random(x.shape) < p, 0, x / 0.5)",
        ),
        "share": (
            "return x * (rng.random(x.shape) >= 0.5) / (1 - p)",
            "return x * rng.integers(0, 2, x.shape) / (1 - p)",
        ),
        "none_cut": ("return x / (1 - p)", "return 1.0 * x"),
        "not_proportional": (
            "r = rng.random(x.shape)\nreturn x * r * (r >= p)",
            "kept = rng.random(x.shape) >= p\nreturn kept * (x + 1 / (1 - p))",
        ),
        "own_chance": (
            "return x * (np.random.random(x.shape) >= p) / (1 - p)",
            "return x * (np.random.default_rng().random(x.shape) >= p) / (1 - p)",
        ),
        "always_the_same": (
            "return x * (np.random.default_rng(0).random(x.shape) >= p) / (1 - p)",
            "own = np.random.RandomState(7)\nreturn np.where(own.rand(*x.shape) < p, 0, x / (1 - p))",
        ),
    },
    "my_layer": {
        "used_cut": (
            ON + "return drop(h, p, rng)",
            "h = x @ W.T + b\nh = h * (h > 0)\nreturn drop(h, p, rng)",
        ),
        "used_scaled": (
            ON + "return drop(h, p, rng) if training else h * (1 - p)",
            ON + "if training:\n    return drop(h, p, rng)\nreturn h / (1 - p)",
        ),
        "switched": (
            ON + "return h if training else drop(h, p, rng)",
            ON + "if not training:\n    h = drop(h, p, rng)\nreturn h",
        ),
        "no_relu": (
            "h = x @ W.T + b\nreturn drop(h, p, rng) if training else h",
            "h = np.dot(x, W.T) + b\nreturn drop(np.maximum(h, 0), p, rng) if training else h",
        ),
        "never_cut": (ON + "if training:\n    drop(h, p, rng)\nreturn h", "return np.maximum(x @ W.T + b, 0)"),
        "not_the_output": (
            "x = drop(x, p, rng) if training else x\nreturn np.maximum(x @ W.T + b, 0)",
            "return np.maximum((drop(x, p, rng) if training else x).dot(W.T) + b, 0)",
        ),
        "bias": (
            "h = np.maximum(x @ W.T, 0)\nreturn drop(h, p, rng) if training else h",
            "h = np.maximum(x @ W.T, 0) + b\nreturn drop(h, p, rng) if training else h",
        ),
        "trained_scale": (
            ON + "return h * (rng.random(h.shape) >= p) if training else h",
            ON + "return drop(h, p, rng) * (1 - p) if training else h",
        ),
    },
    "my_rank": {
        "centred": ("return rank(singular(H))", "return rank(np.sqrt(np.linalg.eigvalsh(H.T @ H)))"),
        "axis": (
            "return rank(singular(H - H.mean(axis=1, keepdims=True)))",
            "return rank(singular((H.T - H.mean(1)).T))",
        ),
        "one_mean": ("return rank(singular(H - H.mean()))", "return rank(singular(H - np.sum(H) / H.size))"),
        "squared": (
            "return rank(singular(H - H.mean(axis=0)) ** 2)",
            "return rank(np.linalg.eigvalsh(np.cov(H.T)))",
        ),
        "no_exp": (SHARES + "return -np.sum(q * np.log(q))", SHARES + "return q @ np.log(1 / q)"),
        "sign": (SHARES + "return np.exp(np.sum(q * np.log(q)))", SHARES + "return np.prod(q**q)"),
        "negative": (SHARES + "return np.sum(q * np.log(q))", SHARES + "return q @ np.log(q)"),
        "base": (
            SHARES + "return np.exp(-np.sum(q * np.log2(q)))",
            SHARES + "return np.e ** (q @ np.log2(1 / q))",
        ),
        "bits": (SHARES + "return -np.sum(q * np.log2(q))", SHARES + "return q @ np.log2(1 / q)"),
        "counted": (
            "return np.linalg.matrix_rank(H - H.mean(axis=0))",
            "return np.sum(singular(H - H.mean(axis=0)) > 1e-6)",
        ),
    },
}
NEEDED = {"my_layer": ["my_dropout", "my_layer"]}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("dropout", exercise, code) == key


@pytest.mark.parametrize("exercise", MISTAKES)
def test_the_solution_passes(exercise: str) -> None:
    code = "\n".join(solution("04-dropout", name) for name in NEEDED.get(exercise, [exercise]))
    assert answer("dropout", exercise, code) is None
