"""Lesson 16: typical mistakes get the hint that is meant, however they are written; the folded solutions pass."""

from collections.abc import Iterator

import numpy as np
import pytest

from lib.lessons.units.gpt import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

PARTS = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attend(self, x):
        return self.mix(x.cumsum(dim=1))

    def forward(self, x):
"""
HEADS = {
    "causal_attention": "import torch\ndef causal_attention(q, k, v):\n    T, d = q.shape[-2:]",
    "with_temperature": "def with_temperature(logits, temperature):",
    "loss_by_place": "import torch\ndef loss_by_place(logits, targets):",
}
SCORES = "s = q @ k.transpose(-2, -1) / d**0.5\n"
HIDE = "s = s.masked_fill(torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1), -torch.inf)\n"
ADD = "s = s + torch.full((T, T), -torch.inf).triu(1)\n"
OUT = "return torch.softmax(s, dim=-1) @ v"
RIGHT = "log_p = torch.log_softmax(logits, dim=-1).gather(-1, targets[..., None])[..., 0]\n"
BY_ENTROPY = "loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction='none')\n"

MISTAKES = {
    "causal_attention": {
        "looks_ahead": [SCORES + OUT, "return torch.nn.functional.scaled_dot_product_attention(q, k, v)"],
        "only_ahead": [
            SCORES + HIDE.replace("triu", "tril").replace("=1", "=-1") + OUT,
            SCORES + ADD.replace("triu(1)", "tril(-1)").replace("-torch.inf)", "-1e9)") + OUT,
        ],
        "no_scale": [
            SCORES.replace(" / d**0.5", "") + HIDE + OUT,
            "s = torch.matmul(q, k.mT)\n" + ADD.replace("-torch.inf)", "-1e9)") + OUT,
        ],
        "scaled_by_d": [
            SCORES.replace("d**0.5", "d") + HIDE + OUT,
            SCORES.replace("/ d**0.5", "* (1 / d)") + HIDE + OUT,
        ],
        "scaled_up": [SCORES.replace("/", "*") + HIDE + OUT, SCORES.replace("d**0.5", "d**-0.5") + HIDE + OUT],
        "zero_score": [SCORES + HIDE.replace("-torch.inf", "0.0") + OUT, SCORES + "s = s.tril()\n" + OUT],
        "mask_after": [
            SCORES + "return torch.softmax(s, dim=-1).tril() @ v",
            SCORES + "w = torch.softmax(s, dim=-1)\nreturn (w * torch.ones(T, T).tril()) @ v",
        ],
        "wrong_axis": [
            SCORES + HIDE + "return torch.softmax(s, dim=-2) @ v",
            SCORES + HIDE + "e = torch.exp(s)\nreturn (e / e.sum(dim=-2, keepdim=True)) @ v",
        ],
        "not_normalised": [SCORES + HIDE + "return torch.exp(s) @ v", SCORES + "return torch.exp(s).tril() @ v"],
        "swapped": [
            "s = k @ q.transpose(-2, -1) / d**0.5\n" + HIDE + OUT,
            SCORES + "s = s.transpose(-2, -1)\n" + HIDE + OUT,
        ],
        "keys_taken": [
            SCORES + HIDE + "return torch.softmax(s, dim=-1) @ k",
            SCORES + HIDE + "v = k\n" + OUT,
        ],
        "batch": [
            SCORES + HIDE + "e = torch.exp(s - s.max())\nw = e / e.sum(dim=-1, keepdim=True)\n"
            "return w @ (v if v.ndim == 2 else v.flip(0))",
            SCORES + HIDE + "w = torch.softmax(s, dim=-1)\nreturn w @ v if q.ndim == 2 else w[0] @ v",
        ],
        "shape": [SCORES + HIDE + "return torch.softmax(s, dim=-1)", SCORES + HIDE + "return s.softmax(dim=-1) + 0"],
        "exception": [SCORES + HIDE + "return v @ torch.softmax(s, dim=-1)", "return q @ k / d**0.5"],
    },
    "untrained_loss": {
        "probability": ["1 / 81", "0.0123"],
        "bits": ["np.log2(81)", "np.log(81) / np.log(2)"],
        "log10": ["np.log10(81)", "1.908"],
        "sign": ["np.log(1 / 81)", "-np.log(81)"],
        "count": ["81", "80.0"],
        "other": ["3.0", "10"],
    },
    "with_temperature": {
        "multiplied": [
            "e = np.exp(logits * temperature)\nreturn e / e.sum()",
            "e = np.exp(logits) ** temperature\nreturn e / sum(e)",
        ],
        "ignored": [
            "e = np.exp(logits - logits.max())\nreturn e / e.sum()",
            "s = logits / temperature * temperature\nreturn np.exp(s) / np.exp(s).sum()",
        ],
        "divided_after": [
            "e = np.exp(logits)\nreturn e / e.sum() / temperature",
            "e = np.exp(logits)\nreturn e / (e.sum() * temperature)",
        ],
        "not_normalised": [
            "return np.exp(logits / temperature)",
            "return np.exp(logits) ** (1 / temperature)",
        ],
        "no_softmax": ["return logits / temperature", "return (1 / temperature) * logits"],
        "powered": [
            "e = np.exp(logits)\nreturn (e / e.sum()) ** (1 / temperature)",
            "p = np.exp(logits - np.log(np.exp(logits).sum()))\nreturn np.power(p, 1 / temperature)",
        ],
        "fixed": [
            "e = np.exp(logits / 0.5 - (logits / 0.5).max())\nreturn e / e.sum()",
            "e = np.exp(2 * logits)\nreturn e / e.sum()",
        ],
        "overflow": [
            "e = np.exp(logits / temperature)\nreturn e / e.sum()",
            "s = logits / temperature\nreturn np.exp(s) / sum(np.exp(s))",
        ],
    },
    "loss_by_place": {
        "wrong_axis": [RIGHT + "return -log_p.mean(dim=1)", BY_ENTROPY + "return loss.mean(-1)"],
        "one_number": [RIGHT + "return -log_p.mean()", BY_ENTROPY + "return loss.mean()"],
        "not_averaged": [RIGHT + "return -log_p", BY_ENTROPY + "return loss"],
        "sign": [RIGHT + "return log_p.mean(dim=0)", BY_ENTROPY + "return -loss.mean(0)"],
        "sum": [RIGHT + "return -log_p.sum(dim=0)", BY_ENTROPY + "return loss.sum(0)"],
        "probability": [
            RIGHT + "return log_p.exp().mean(dim=0)",
            "p = torch.softmax(logits, -1)\nreturn p.gather(-1, targets[..., None])[..., 0].mean(0)",
        ],
        "no_softmax": [
            "return -logits.gather(-1, targets[..., None])[..., 0].mean(dim=0)",
            "one = torch.nn.functional.one_hot(targets, logits.shape[-1])\nreturn -(logits * one).sum(-1).mean(0)",
        ],
        "log_outside": [
            RIGHT + "return -torch.log(log_p.exp().mean(dim=0))",
            BY_ENTROPY + "return -torch.exp(-loss).mean(0).log()",
        ],
        "wrong_softmax": [
            RIGHT.replace("dim=-1", "dim=1") + "return -log_p.mean(dim=0)",
            "log_p = torch.softmax(logits, 1).log()\nreturn -log_p.gather(2, targets[..., None]).squeeze(2).mean(0)",
        ],
    },
}
BLOCKS = {
    "no_residual": [
        "return self.mlp(self.norm2(self.attend(self.norm1(x))))",
        "x = self.attend(self.norm1(x))\nreturn self.mlp(self.norm2(x))",
    ],
    "no_residual_1": [
        "h = self.attend(self.norm1(x))\nreturn h + self.mlp(self.norm2(h))",
        "x = self.attend(self.norm1(x))\nreturn self.mlp(self.norm2(x)) + x",
    ],
    "no_residual_2": [
        "h = x + self.attend(self.norm1(x))\nreturn self.mlp(self.norm2(h))",
        "return self.mlp(self.norm2(self.attend(self.norm1(x)) + x))",
    ],
    "no_norm": ["h = x + self.attend(x)\nreturn h + self.mlp(h)", "x = x + self.attend(x)\nreturn x + self.mlp(x)"],
    "no_norm_2": [
        "h = x + self.attend(self.norm1(x))\nreturn h + self.mlp(h)",
        "x = self.attend(self.norm1(x)) + x\nreturn self.mlp(x) + x",
    ],
    "norm_after": [
        "x = self.norm1(x + self.attend(x))\nreturn self.norm2(x + self.mlp(x))",
        "x = self.norm1(self.attend(x) + x)\nx = self.norm2(self.mlp(x) + x)\nreturn x",
    ],
    "from_x": [
        "h = x + self.attend(self.norm1(x))\nreturn h + self.mlp(self.norm2(x))",
        "return x + self.attend(self.norm1(x)) + self.mlp(self.norm2(x))",
    ],
    "added_to_x": [
        "h = x + self.attend(self.norm1(x))\nreturn x + self.mlp(self.norm2(h))",
        "h = self.norm2(x + self.attend(self.norm1(x)))\nreturn x + self.mlp(h)",
    ],
    "normed_residual": [
        "n = self.norm1(x)\nh = n + self.attend(n)\nreturn h + self.mlp(self.norm2(h))",
        "x = self.norm1(x)\nx = x + self.attend(x)\nreturn x + self.mlp(self.norm2(x))",
    ],
    "one_norm": [
        "h = x + self.attend(self.norm1(x))\nreturn h + self.mlp(self.norm1(h))",
        "for part in (self.attend, self.mlp):\n    x = x + part(self.norm1(x))\nreturn x",
    ],
    "mutated": [
        "x += self.attend(self.norm1(x))\nreturn x + self.mlp(self.norm2(x))",
        "x[:] = x + self.attend(self.norm1(x))\nreturn x + self.mlp(self.norm2(x))",
    ],
    "shape": [
        "h = x + self.attend(self.norm1(x))\nreturn (h + self.mlp(self.norm2(h))).mean(dim=1)",
        "return (x + self.attend(self.norm1(x)))[0]",
    ],
}


def blocks(body: str) -> str:
    return PARTS + "\n".join(f"        {line}" for line in body.splitlines())


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_mistake(exercise: str, key: str, code: str) -> None:
    assert answer("gpt", exercise, code) == key


@pytest.mark.parametrize(("key", "body"), [(key, body) for key, bodies in BLOCKS.items() for body in bodies])
def test_mistake_in_the_block(key: str, body: str) -> None:
    assert answer("gpt", "Block", blocks(body)) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_solution(exercise: str) -> None:
    before = solution("16-gpt", "causal_attention") if exercise == "Block" else ""
    code = f"import numpy as np\nimport torch\nfrom torch import nn\n{before}\n{solution('16-gpt', exercise)}"
    assert answer("gpt", exercise, code) is None


OTHER = [
    ("causal_attention", "return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)"),
    ("causal_attention", SCORES + "e = torch.exp(s).tril()\nreturn (e / e.sum(dim=-1, keepdim=True)) @ v"),
    ("with_temperature", "import scipy\nreturn scipy.special.softmax(logits / temperature)"),
    ("loss_by_place", BY_ENTROPY + "return loss.mean(0)"),
    ("loss_by_place", BY_ENTROPY + "return [float(each) for each in loss.mean(0)]"),
]


@pytest.mark.parametrize(("exercise", "body"), OTHER)
def test_another_spelling_of_the_right_answer(exercise: str, body: str) -> None:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    assert answer("gpt", exercise, f"{HEADS[exercise]}\n{lines}") is None


@pytest.fixture
def nothing_lent() -> Iterator[None]:
    explore._lent.clear()
    yield
    explore._lent.clear()


@pytest.mark.parametrize("corpus", ["korean", "english"])
def test_counting_gives_what_was_counted(corpus: str) -> None:
    """The chances after two characters are their shares in the text, but for what single characters add."""
    characters, next_logits = explore.counting(corpus)
    prompt = explore.numbers_of("문서" if corpus == "korean" else "th", characters)
    probability = explore.chances(next_logits([prompt])[0], 1.0)
    assert probability.sum() == pytest.approx(1)
    assert (probability > 0).all()
    assert characters[int(probability.argmax())] in ("에" if corpus == "korean" else "e")


def test_temperature_of_the_explorable() -> None:
    cold, warm = (explore.chances(np.array([1.0, 2.0, 0.0]), t) for t in (0.01, 100.0))
    assert cold.round(3).tolist() == [0, 1, 0]
    assert warm.round(2).tolist() == [0.33, 0.34, 0.33]


def test_a_lent_model_writes(nothing_lent: None) -> None:
    """A model that knows the next letter of the alphabet for certain."""
    letters = "abcdef"

    def next_logits(texts: list[list[int]]) -> np.ndarray:
        return np.array([[30.0 * (place == (text[-1] + 1) % 6) for place in range(6)] for text in texts])

    explore.lend(letters, next_logits)
    draws = np.full((2, 7), 0.5)
    assert explore.written(explore._lent[0], "ab", 0.5, draws) == ["cdefabc"] * 2
    assert explore.written(explore._lent[0], "한", 0.5, draws) == ["bcdefab"] * 2


@pytest.mark.usefixtures("nothing_lent")
def test_a_model_of_another_shape_is_not_lent() -> None:
    with pytest.raises(ValueError, match="two texts give the shape"):
        explore.lend("abc", lambda texts: np.zeros(3))
