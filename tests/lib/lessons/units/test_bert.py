"""Lesson 17: typical mistakes get the hint that is meant, however they are written; the folded solutions pass."""

from collections.abc import Iterator

import pytest
import torch

from lib.lessons.units.bert import checks, explore
from lib.lessons.units.counting import Counted
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "hide": (
        "def hide(ids, chosen, mask, rng):\n    fate, any_one = rng.random(ids.shape), rng.integers(0, mask, ids.shape)"
    ),
    "masked_loss": (
        "import torch\nfrom torch.nn import functional\n"
        "def masked_loss(logits, ids, chosen):\n"
        "    log_p = functional.log_softmax(logits, dim=-1)\n"
        "    loss = -log_p.gather(-1, ids[..., None])[..., 0]"
    ),
    "fill_blank": "import torch\ndef fill_blank(model, ids, place, mask):\n    shown = ids.clone()",
    "in_top": "def in_top(chances, answers, k):",
}
TO_MASK = "shown = np.where(chosen & (fate < 0.8), mask, ids)\n"
TO_ANY = "return np.where(chosen & (fate >= 0.8) & (fate < 0.9), any_one, shown)"
IN_PLACE = "shown = ids.copy()\nshown[chosen & (fate < 0.8)] = mask\n"
HIDDEN = "shown[place] = mask\n"
BEST = "best = np.argsort(-chances, axis=1)\n"
RANK = "rank = (chances > chances[np.arange(len(answers)), answers][:, None]).sum(axis=1)\n"

MISTAKES = {
    "hide": {
        "outside": [
            TO_MASK.replace("chosen & ", "") + TO_ANY,
            "shown = np.where(fate < 0.8 * 0.15, mask, ids)\nreturn shown",
        ],
        "all_masked": ["return np.where(chosen, mask, ids)", "shown = ids.copy()\nshown[chosen] = mask\nreturn shown"],
        "none_stay": [
            TO_MASK + TO_ANY.replace(" & (fate < 0.9)", ""),
            "return np.where(chosen, np.where(fate < 0.8, mask, any_one), ids)",
        ],
        "none_replaced": [TO_MASK + "return shown", TO_MASK + TO_ANY.replace(">= 0.8", "> 0.9")],
        "two_draws": [
            TO_MASK + "left = chosen & (fate >= 0.8)\n"
            "return np.where(left & (rng.random(ids.shape) < 0.1), any_one, shown)",
            IN_PLACE + "again = rng.random(ids.shape) < 0.1\n"
            "shown[chosen & (shown != mask) & again] = any_one[chosen & (shown != mask) & again]\nreturn shown",
        ],
        "mask_overwritten": [
            TO_MASK + TO_ANY.replace("(fate >= 0.8) & ", ""),
            IN_PLACE + "shown[chosen & (fate < 0.9)] = any_one[chosen & (fate < 0.9)]\nreturn shown",
        ],
        "overlap": [
            TO_MASK + TO_ANY.replace("(fate >= 0.8) & (fate < 0.9)", "(fate < 0.1)"),
            IN_PLACE + "shown[chosen & (fate < 0.1)] = any_one[chosen & (fate < 0.1)]\nreturn shown",
        ],
        "swapped": [
            TO_MASK.replace("fate < 0.8", "fate < 0.1") + TO_ANY.replace(">= 0.8", ">= 0.1"),
            "some = np.where(fate < 0.8, any_one, np.where(fate < 0.9, mask, ids))\nreturn np.where(chosen, some, ids)",
        ],
        "one_fate": [
            "fate = rng.random()\n" + TO_MASK + TO_ANY,
            "fate = rng.random((len(ids), 1)) + 0 * fate\n" + TO_MASK + TO_ANY,
        ],
        "same_character": [
            "any_one = rng.integers(0, mask)\n" + TO_MASK + TO_ANY,
            TO_MASK + TO_ANY.replace("any_one", "7"),
        ],
        "other_chance": [
            "fate = np.random.random(ids.shape)\n" + TO_MASK + TO_ANY,
            "rng = np.random.default_rng()\nfate = rng.random(ids.shape)\n" + TO_MASK + TO_ANY,
        ],
        "no_chance": [
            "rng = np.random.default_rng(0)\nfate, any_one = rng.random(ids.shape), rng.integers(0, mask, ids.shape)\n"
            + TO_MASK
            + TO_ANY,
            "r = np.random.default_rng(9)\nfate = r.random(ids.shape)\nany_one = r.integers(0, mask, ids.shape)\n"
            + TO_MASK
            + TO_ANY,
        ],
        "mutated": [
            "ids[chosen & (fate < 0.8)] = mask\nreturn ids",
            "ids[:] = np.where(chosen, mask, ids)\nreturn ids",
        ],
    },
    "masked_loss": {
        "all_places": ["return loss.mean()", "return functional.cross_entropy(logits.flatten(0, 1), ids.flatten())"],
        "others": ["return loss[~chosen].mean()", "return functional.cross_entropy(logits[~chosen], ids[~chosen])"],
        "sum": ["return loss[chosen].sum()", "return (loss * chosen).sum()"],
        "sign": ["return -loss[chosen].mean()", "return (log_p.gather(-1, ids[..., None])[..., 0])[chosen].mean()"],
        "divided_by_all": ["return (loss * chosen).mean()", "return loss[chosen].sum() / loss.numel()"],
        "not_averaged": [
            "return loss[chosen]",
            "return functional.cross_entropy(logits[chosen], ids[chosen], reduction='none')",
        ],
        "by_text": [
            "return ((loss * chosen).sum(1) / chosen.sum(1)).mean()",
            "return sum(loss[i][chosen[i]].mean() for i in range(len(ids))) / len(ids)",
        ],
        "zero_scores": [
            "s = logits * chosen[..., None]\nreturn functional.cross_entropy(s.flatten(0, 1), ids.flatten())",
            "s = torch.where(chosen[..., None], logits, 0.0)\nreturn functional.cross_entropy(s.transpose(1, 2), ids)",
        ],
        "probability": [
            "return torch.exp(-loss[chosen]).mean()",
            "return torch.softmax(logits, -1).gather(-1, ids[..., None])[..., 0][chosen].mean()",
        ],
    },
    "fill_blank": {
        "peeks": [
            "return torch.softmax(model(ids[None])[0, place], dim=-1)",
            HIDDEN + "p = model(ids.unsqueeze(0)).softmax(-1)\nreturn p[0][place]",
        ],
        "place_before": [
            HIDDEN + "return torch.softmax(model(shown[None])[0, place - 1], dim=-1)",
            HIDDEN + "return model(shown[None]).softmax(dim=-1)[0][place - 1]",
        ],
        "last_place": [
            HIDDEN + "return torch.softmax(model(shown[None])[0, -1], dim=-1)",
            HIDDEN + "return model(shown[None]).softmax(dim=-1).squeeze(0)[len(ids) - 1]",
        ],
        "no_softmax": [
            HIDDEN + "return model(shown[None])[0, place]",
            HIDDEN + "return model(torch.stack([shown]))[0][place]",
        ],
        "all_places": [
            HIDDEN + "return torch.softmax(model(shown[None])[0], dim=-1)",
            HIDDEN + "return model(shown[None]).softmax(-1)[0, :]",
        ],
        "blind": [
            "shown[:] = mask\nreturn torch.softmax(model(shown[None])[0, place], dim=-1)",
            "return torch.softmax(model(torch.full_like(ids, mask)[None])[0, place], dim=-1)",
        ],
        "log": [
            HIDDEN + "return torch.log_softmax(model(shown[None])[0, place], dim=-1)",
            HIDDEN + "return torch.softmax(model(shown[None])[0, place], dim=-1).log()",
        ],
        "one_number": [
            HIDDEN + "return torch.softmax(model(shown[None])[0, place], dim=-1).max()",
            HIDDEN + "return int(model(shown[None])[0, place].argmax())",
        ],
        "mutated": [
            "ids[place] = mask\nreturn torch.softmax(model(ids[None])[0, place], dim=-1)",
            "ids.index_fill_(0, torch.tensor([place]), mask)\nreturn torch.softmax(model(ids[None])[0, place], dim=-1)",
        ],
    },
    "in_top": {
        "least": [
            "best = np.argsort(chances, axis=1)[:, :k]\nreturn (best == answers[:, None]).any(axis=1).mean()",
            RANK.replace(">", "<") + "return np.mean(rank < k)",
        ],
        "only_first": [
            "return np.mean(chances.argmax(axis=1) == answers)",
            BEST + "return (best[:, 0] == answers).mean()",
        ],
        "one_too_many": [
            BEST + "return (best[:, : k + 1] == answers[:, None]).any(axis=1).mean()",
            RANK + "return np.mean(rank <= k)",
        ],
        "count": [
            BEST + "return (best[:, :k] == answers[:, None]).sum()",
            RANK + "return sum(rank < k)",
        ],
        "percent": [
            RANK + "return 100 * np.mean(rank < k)",
            BEST + "return 100 * (best[:, :k] == answers[:, None]).any(axis=1).mean()",
        ],
        "exactly": [RANK + "return np.mean(rank == k - 1)", BEST + "return (best[:, k - 1] == answers).mean()"],
        "outside": [
            RANK + "return np.mean(rank >= k)",
            BEST + "return 1 - (best[:, :k] == answers[:, None]).any(axis=1).mean()",
        ],
        "shape_number": [RANK + "return rank < k", BEST + "return (best[:, :k] == answers[:, None]).any(axis=1)"],
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_mistake(exercise: str, key: str, code: str) -> None:
    assert answer("bert", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_solution(exercise: str) -> None:
    code = f"import torch\nfrom torch.nn import functional\n{solution('17-bert', exercise)}"
    assert answer("bert", exercise, code) is None


OTHER = [
    ("hide", IN_PLACE + "some = chosen & (fate > 0.9)\nshown[some] = any_one[some]\nreturn shown"),
    ("masked_loss", "return (loss * chosen).sum() / chosen.sum()"),
    ("fill_blank", HIDDEN + "e = torch.exp(model(shown[None])[:, place])\nreturn e / e.sum()"),
    ("in_top", RANK + "return np.mean(rank < k)"),
]


@pytest.mark.parametrize(("exercise", "body"), OTHER)
def test_another_spelling_of_the_right_answer(exercise: str, body: str) -> None:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    assert answer("bert", exercise, f"{HEADS[exercise]}\n{lines}") is None


def test_counted() -> None:
    """Of "abcabdab" after "ab" comes c once and d once; after what never came, the shares of all."""
    ids = ["abcd".index(each) for each in "abcabdab"]
    found = Counted(ids, 4)
    assert found.chances([0, 1]).round(2).tolist() == [0, 0, 0.5, 0.5]
    assert found.chances([]).tolist() == pytest.approx(found.overall.tolist())
    assert found.chances([3, 3]).argmax() == 0


@pytest.mark.parametrize(
    ("language", "before", "after"), [("korean", "이름을 ", "력합니다."), ("english", "of the h", "use")]
)
def test_both_sides_are_surer(language: str, before: str, after: str) -> None:
    guess = explore.by_counting(before, after, language)
    assert guess.left.sum() == pytest.approx(1)
    assert guess.both.sum() == pytest.approx(1)
    assert guess.characters[int(guess.both.argmax())] in "입o"
    assert guess.both.max() > guess.left.max()


@pytest.fixture
def lent() -> Iterator[None]:
    """A GPT that repeats the last character, and a BERT that gives the one to the right of each place."""

    def gpt(ids: torch.Tensor) -> torch.Tensor:
        return 30.0 * torch.nn.functional.one_hot(ids, 4)[..., :3]

    def bert(ids: torch.Tensor) -> torch.Tensor:
        return 30.0 * torch.nn.functional.one_hot(torch.roll(ids, -1, dims=1), 4)[..., :3]

    explore.lend("abc", gpt, bert)
    yield
    explore._lent.clear()


@pytest.mark.usefixtures("lent")
@pytest.mark.parametrize("length", [0, 3, 40, 100])
def test_lent_models_see_the_right_places(length: int) -> None:
    """Whatever the length: the left model sees what is before the blank, the other one what is around it."""
    guess = explore.by_models("ab" * length, "cbbbb" * 10)
    assert int(guess.both.argmax()) == 2
    if length:
        assert int(guess.left.argmax()) == 1
    else:
        assert guess.left.tolist() == pytest.approx([1 / 3] * 3)
