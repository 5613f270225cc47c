"""Lesson 15: typical mistakes get the hint that is meant, however they are written; the folded solutions pass."""

from collections.abc import Iterator

import numpy as np
import pytest

from lib.lessons.units.elmo import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "read_backward": "def read_backward(read, ids):",
    "bilm_loss": (
        "import torch\nfrom torch.nn import functional\n"
        "def bilm_loss(forth, back, ids):\n"
        "    def entropy(logits, targets):\n"
        "        return functional.cross_entropy(logits.transpose(1, 2), targets)"
    ),
    "cosine": "def cosine(a, b):\n    length = np.linalg.norm",
    "mix": "def mix(layers, raw, gamma):\n    s = np.exp(raw) / np.exp(raw).sum()",
    "role_gap": (
        "def role_gap(vectors, labels):\n"
        "    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)\n"
        "    c, same = unit @ unit.T, labels[:, None] == labels\n"
        "    itself = np.eye(len(labels)) == 1"
    ),
}
NEXT, PREVIOUS = "entropy(forth[:, :-1], ids[:, 1:])", "entropy(back[:, 1:], ids[:, :-1])"
GAP = "return c[same & ~itself].mean() - c[~same].mean()"
PEEK, BEFORE = "entropy(back[:, :-1], ids[:, 1:])", "entropy(forth[:, 1:], ids[:, :-1])"

MISTAKES = {
    "read_backward": {
        "not_reversed": ["return read(ids)", "return read(ids.flip(1).flip(1))"],
        "not_put_back": ["return read(ids.flip(1))", "return read(ids[:, range(ids.shape[1] - 1, -1, -1)])"],
        "only_put_back": ["return read(ids).flip(2)", "return read(ids).flip(-2)"],
        "texts_read": ["return read(ids.flip(0)).flip(2)", "return read(ids.flip(-2)).flip(-2)"],
        "texts_put_back": ["return read(ids.flip(1)).flip(1)", "x = ids.flip(-1)\nx = read(x)\nreturn x.flip(1)"],
        "layers_put_back": ["return read(ids.flip(1)).flip(0)", "return read(ids.flip(-1)).flip(-4)"],
        "width_put_back": ["return read(ids.flip(1)).flip(3)", "return read(ids.flip(1)).flip(-1)"],
        "shape": ["return read(ids.flip(1))[-1].flip(1)", "return read(ids.flip(1)).flip(2)[:, 0]"],
        "exception": ["return read(ids[:, ::-1])", "return read(ids.flip(2))"],
    },
    "bilm_loss": {
        "itself": [
            "return (entropy(forth, ids) + entropy(back, ids)) / 2",
            "return functional.cross_entropy(torch.cat([forth, back]).flatten(0, 1), torch.cat([ids, ids]).flatten())",
        ],
        "itself_back": [f"return ({NEXT} + entropy(back, ids)) / 2", f"return 0.5 * entropy(back, ids) + 0.5 * {NEXT}"],
        "back_peeks": [
            f"return ({NEXT} + {PEEK}) / 2",
            "return functional.cross_entropy(torch.cat([forth[:, :-1], back[:, :-1]]).flatten(0, 1),"
            " torch.cat([ids[:, 1:], ids[:, 1:]]).flatten())",
        ],
        "both_peek": [
            f"return ({BEFORE} + {PEEK}) / 2",
            "forth, back = back, forth\n" + f"return ({NEXT} + {PREVIOUS}) / 2",
        ],
        "only_forth": [
            f"return {NEXT}",
            "return functional.cross_entropy(forth[:, :-1].flatten(0, 1), ids[:, 1:].flatten())",
        ],
        "only_back": [f"return {PREVIOUS}", f"return {PREVIOUS} + 0 * {NEXT}"],
        "sum": [f"return {NEXT} + {PREVIOUS}", f"return sum([{NEXT}, {PREVIOUS}])"],
        "sign": [f"return -({NEXT} + {PREVIOUS}) / 2", f"return ({NEXT} + {PREVIOUS}) / -2"],
        "not_averaged": [
            f"return torch.stack([{NEXT}, {PREVIOUS}])",
            "return functional.cross_entropy(forth[:, :-1].transpose(1, 2), ids[:, 1:], reduction='none')",
        ],
    },
    "cosine": {
        "dot": ["return a @ b", "return sum(x * y for x, y in zip(a, b))"],
        "one_length": ["return a @ b / length(a)", "return a @ b / np.sqrt((a**2).sum())"],
        "squared": ["return a @ b / ((a @ a) * (b @ b))", "return a @ b / (length(a) * length(b)) ** 2"],
        "lengths_added": ["return a @ b / (length(a) + length(b))", "return a @ b / sum([length(a), length(b)])"],
        "absolute": [
            "return abs(a @ b) / length(a) / length(b)",
            "return np.sqrt((a @ b / length(a) / length(b)) ** 2)",
        ],
        "distance": [
            "return 1 - a @ b / length(a) / length(b)",
            "return (length(a) * length(b) - a @ b) / (length(a) * length(b))",
        ],
        "precedence": ["return a @ b / length(a) * length(b)", "return length(b) * (a @ b) / length(a)"],
        "shape_number": ["return a * b / (length(a) * length(b))", "return a / length(a) * (b / length(b))"],
    },
    "mix": {
        "no_softmax": ["return gamma * (raw[:, None] * layers).sum(axis=0)", "return gamma * raw @ layers"],
        "divided_by_sum": [
            "return gamma * raw / raw.sum() @ layers",
            "s = raw / sum(raw)\nreturn gamma * (layers.T @ s)",
        ],
        "not_normalised": [
            "return gamma * np.exp(raw) @ layers",
            "return gamma * (np.exp(raw)[:, None] * layers).sum(0)",
        ],
        "no_gamma": ["return s @ layers", "return (s[:, None] * layers).sum(axis=0)"],
        "equal": ["return gamma * layers.mean(axis=0)", "return gamma * np.ones(3) / 3 @ layers"],
        "wrong_axis": ["return gamma * (s[:, None] * layers).sum(axis=1)", "return gamma * s * layers.sum(-1)"],
        "not_added": ["return gamma * s[:, None] * layers", "return gamma * (layers.T * s).T"],
        "gamma_added": ["return s @ layers + gamma", "return gamma + (s[:, None] * layers).sum(axis=0)"],
        "exception": ["return gamma * (s * layers).sum(axis=0)", "return gamma * layers @ s"],
    },
    "role_gap": {
        "with_itself": [
            "return c[same].mean() - c[~same].mean()",
            "return (c * same).sum() / same.sum() - c[~same].mean()",
        ],
        "not_unit": [
            "c = vectors @ vectors.T\n" + GAP,
            "c = np.array([[v @ w for w in vectors] for v in vectors])\n" + GAP,
        ],
        "by_column": [
            "u = vectors / np.linalg.norm(vectors, axis=0)\nc = u @ u.T\n" + GAP,
            "u = vectors / np.sqrt((vectors**2).sum(0))\nc = u @ u.T\n" + GAP,
        ],
        "sign": [
            "return c[~same].mean() - c[same & ~itself].mean()",
            "return -(c[same & ~itself].mean() - c[labels[:, None] != labels].mean())",
        ],
        "only_same": ["return c[same & ~itself].mean()", "np.fill_diagonal(same, False)\nreturn np.mean(c[same])"],
        "only_different": ["return c[~same].mean()", "return c[labels[:, None] != labels[None]].mean()"],
        "sums": [
            "return c[same & ~itself].sum() - c[~same].sum()",
            "return (c * (same & ~itself)).sum() - (c * ~same).sum()",
        ],
        "with_itself_all": [
            "np.fill_diagonal(same, False)\nreturn c[same | itself].mean() - c[~same].mean()",
            "return c[same].mean() - c[~same | itself].mean()",
        ],
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_mistake(exercise: str, key: str, code: str) -> None:
    assert answer("elmo", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_solution(exercise: str) -> None:
    code = f"import torch\nfrom torch.nn import functional\n{solution('15-elmo', exercise)}"
    assert answer("elmo", exercise, code) is None


OTHER = [
    ("read_backward", "return read(ids.flip(dims=[1])).flip(dims=[-2])"),
    (
        "bilm_loss",
        "logits = torch.cat([forth[:, :-1], back[:, 1:]])\n"
        "return functional.cross_entropy(logits.flatten(0, 1), torch.cat([ids[:, 1:], ids[:, :-1]]).flatten())",
    ),
    ("cosine", "return (a / length(a)) @ (b / length(b))"),
    ("mix", "return gamma * sum(s[j] * layers[j] for j in range(3))"),
    ("role_gap", GAP),
]


@pytest.mark.parametrize(("exercise", "body"), OTHER)
def test_another_spelling_of_the_right_answer(exercise: str, body: str) -> None:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    assert answer("elmo", exercise, f"{HEADS[exercise]}\n{lines}") is None


def test_counted_vectors_know_what_stands_around() -> None:
    """Layer 0 is always the same; the possessive use is nearer to the possessives, the object to the objects."""
    assert explore.likenesses(explore.by_counting, "he saw her house .", 0) == pytest.approx(np.ones(6))
    for layer in (1, 2):
        possessive = explore.likenesses(explore.by_counting, "it was in her house .", layer)
        assert possessive[3:].mean() > possessive[:3].mean()
        there = explore.likenesses(explore.by_counting, "we saw her .", layer)
        assert there[:3].mean() > there[3:].mean()


@pytest.fixture
def nothing_lent() -> Iterator[None]:
    explore._lent.clear()
    yield
    explore._lent.clear()


@pytest.mark.usefixtures("nothing_lent")
def test_a_lent_model_is_asked_at_the_word() -> None:
    """A model whose vector is the place of the word in its text: cosine 1 where the place is the same."""

    def vectors_of(text: str) -> np.ndarray:
        return np.broadcast_to(np.eye(20)[: len(text.split()) + 2], (3, len(text.split()) + 2, 20))

    explore.lend(vectors_of)
    values = explore.likenesses(explore._lent[0], "and then her .", 2)
    assert values[[0, 1, 2, 5]] == pytest.approx(np.ones(4))
    assert (values[[3, 4]] < 0).all()


@pytest.mark.usefixtures("nothing_lent")
def test_a_model_of_another_shape_is_not_lent() -> None:
    with pytest.raises(ValueError, match="4 words"):
        explore.lend(lambda text: np.zeros((3, 4, 8)))
