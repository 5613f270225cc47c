"""The GPT lab: tokeniser, attention and n-grams beside oracles, its claims on made-up results, broken on purpose."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.nlp.gpt import model as gpt_model
from lib.nlp.gpt.attention import causal_attention, past
from lib.nlp.gpt.claims import CLAIMS
from lib.nlp.gpt.lab import LAB, GptConfig
from lib.nlp.gpt.ngrams import KneserNey
from lib.nlp.gpt.text import UNKNOWN, Characters, all_blocks, characters, draw_blocks, novels
from tests.lib.decisions import verdicts
from tests.lib.support import Recording, assert_drawn, run_study, run_trial

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "layers": 1, "heads": 2, "width": 16, "context": 16, "blocks": 8, "steps": 40, "learning_rate": 1e-2,
    "orders": 2, "sample": 20,
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Emma\n",
        "가나다 한글",
        "\u1112\u1161\u11ab",
        "e\u0301 é",
        "👩\u200d👧 🇰🇷",
        "\x00\t\r\n",
        UNKNOWN,
        "a" * 1000,
    ],
    ids=["empty", "latin", "hangul", "jamo", "combining", "emoji", "control", "replacement", "long"],
)
def test_a_text_comes_back(text: str) -> None:
    known = Characters.of(text)
    assert known.decode(known.encode(text)) == text
    assert len(known.encode(text)) == len(text)


@given(st.text(), st.text())
def test_unknown_characters_become_the_replacement_character(text: str, other: str) -> None:
    known = Characters.of(text)
    assert known.decode(known.encode(other)) == "".join(c if c in text else UNKNOWN for c in other)


def test_jane_austens_characters() -> None:
    assert len(characters()) == 81
    assert characters().decode(characters().encode("한 pound: £")) == f"{UNKNOWN} pound: {UNKNOWN}"
    assert novels("train").min() == 1


def test_blocks_are_the_text_and_the_same_one_on() -> None:
    text = np.arange(100)
    for inputs, targets in (draw_blocks(text, 50, 8, RNG), all_blocks(text, 8)):
        np.testing.assert_array_equal(inputs + 1, targets)
        np.testing.assert_array_equal(np.diff(inputs, axis=1), 1)
    assert all_blocks(text, 8)[0].shape == (12, 8)
    starts = {int(row[0]) for row in draw_blocks(np.arange(10), 500, 8, RNG)[0]}
    assert starts == {0, 1}


def test_attention_by_hand_is_torchs() -> None:
    q, k, v = RNG.normal(size=(3, 2, 5, 4))
    out, weights = causal_attention(q, k, v)
    tensors = (torch.from_numpy(part) for part in (q, k, v))
    theirs = torch.nn.functional.scaled_dot_product_attention(
        next(tensors), next(tensors), next(tensors), is_causal=True
    )
    np.testing.assert_allclose(out, theirs.numpy(), atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-12)
    assert not weights[:, ~past(5)].any()
    np.testing.assert_allclose(out[:, 0], v[:, 0])


def test_attention_by_hand_does_not_see_what_comes() -> None:
    q, k, v = RNG.normal(size=(3, 6, 4))
    before, _ = causal_attention(q, k, v)
    for place in range(5):
        later = np.arange(6) > place
        k2, v2 = (np.where(later[:, None], 1e3, x) for x in (k, v))
        np.testing.assert_array_equal(causal_attention(q, k2, v2)[0][: place + 1], before[: place + 1])


def _kneser_ney(text: list[int], order: int, history: list[int], c: int, highest: bool = True) -> float:
    """The definition, with dictionaries, for 6 kinds of characters."""
    if order == 0:
        return 1 / 6
    pieces = [tuple(text[i : i + order]) for i in range(len(text) - order + 1)]
    if not highest:
        pieces = [piece[1:] for piece in {tuple(text[i : i + order + 1]) for i in range(len(text) - order)}]
    counts = Counter(pieces)
    once, twice = (sum(n == k for n in counts.values()) for k in (1, 2))
    D = min(once / (once + 2 * twice) if once else 0.5, 0.9)
    h = tuple(history[len(history) - order + 1 :])
    after = {piece: n for piece, n in counts.items() if piece[:-1] == h}
    shorter = _kneser_ney(text, order - 1, history, c, highest=False)
    if not after:
        return shorter
    total = sum(after.values())
    return max(after.get((*h, c), 0) - D, 0) / total + D * len(after) / total * shorter


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_n_grams_are_the_definition_and_sum_to_one(order: int) -> None:
    text = RNG.integers(0, 4, 200)
    model = KneserNey(text, 4, 6)
    new = RNG.integers(0, 6, 20)
    losses = model.losses(new, order)
    wanted = [_kneser_ney(text.tolist(), order, new[:i].tolist(), int(new[i])) for i in range(order - 1, len(new))]
    np.testing.assert_allclose(np.exp(-losses), wanted, rtol=1e-10)
    all_next = [np.exp(-model.losses(np.array([*new[: order - 1], c]), order)[-1]) for c in range(6)]
    assert sum(all_next) == pytest.approx(1)


def test_too_many_pieces_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        KneserNey(np.arange(5), 12, 81)


def network(**changes: int) -> Any:
    shape = {"width": 16, "layers": 1, "heads": 2, "context": 16} | changes
    return gpt_model.build(len(characters()), Seed(0), **shape)


def test_the_model_has_nanogpts_parameters() -> None:
    """0.80 million: 12 width² a layer, two embeddings, nine norms, nothing else; input and output share one matrix."""
    count = sum(p.numel() for p in network(width=128, layers=4, heads=4, context=64).parameters())
    assert count == 4 * 12 * 128**2 + (81 + 64) * 128 + 9 * 128


def test_a_later_character_never_changes_an_earlier_output() -> None:
    assert gpt_model.later_changes_earlier(network(), novels("validation")[:16], Seed(1)) == 0


def test_broken_on_purpose_without_the_mask_it_does() -> None:
    seeing = network()
    for block in seeing.blocks:
        block.causal = False
    assert gpt_model.later_changes_earlier(seeing, novels("validation")[:16], Seed(1)) > 1e-4


def test_outputs_that_are_no_numbers_are_not_unchanged() -> None:
    import torch

    broken = network()
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    assert np.isnan(gpt_model.later_changes_earlier(broken, novels("validation")[:16], Seed(1)))


def test_untrained_loss_is_the_logarithm_of_the_vocabulary() -> None:
    by_place = gpt_model.losses_by_place(network(width=128, layers=4, heads=4, context=64), novels("validation"), 50)
    assert by_place.mean() == pytest.approx(np.log(81), abs=0.1)


def test_the_loss_by_place_is_the_probability_of_the_text() -> None:
    model, text = network(), "It is a truth un"
    inputs = characters().encode(text + "i")
    by_place = gpt_model.losses_by_place(model, inputs)
    np.testing.assert_allclose(by_place[:-1], -gpt_model.log_probability(model, text), atol=1e-5)


def same(model: Any, text: np.ndarray, length: int, every: int, stretches: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return gpt_model.losses_of_the_same(model, text, stretches=stretches, length=length, every=every, rng=rng)


def test_places_see_the_same_characters() -> None:
    """Of a model that does not look back and has no sense of place, the loss is that of the characters alone."""
    model, text = network(), novels("validation")[:4000]
    with torch.no_grad():
        model.positions.weight.zero_()
        for block in model.blocks:
            for weight in block.parameters():
                weight.zero_()
        model.words.weight.mul_(30)
    every = model.context // 4
    by_place = same(model, text, length=10 * every, every=every, stretches=3).reshape(4, every)
    assert by_place[0].std() > 0.01
    np.testing.assert_allclose(by_place, by_place[:1].repeat(4, axis=0), rtol=1e-5)


def test_the_loss_of_one_character_at_each_place_is_its_probability() -> None:
    model = network()
    context = model.context
    text = novels("validation")[: 2 * context + 2]  # a stretch of one character has one place to begin
    by_place = same(model, text, length=1, every=1)
    for place in range(context - 1):
        known = characters().decode(text[context - place : context + 2])
        assert by_place[place] == pytest.approx(-gpt_model.log_probability(model, known)[-1], abs=1e-5)


def test_the_next_character_is_drawn_with_its_probability() -> None:
    model = network()
    with torch.no_grad():
        model.words.weight.mul_(30)
        chances = model.logits(model(torch.from_numpy(characters().encode("She")[None])))[0, -1].softmax(0).numpy()
    drawn = Counter(gpt_model.go_on(model, "She", 1, np.random.default_rng(i)) for i in range(400))
    best = int(chances.argmax())
    share = drawn[characters().decode(np.array([best]))] / 400
    assert share == pytest.approx(chances[best], abs=4 * np.sqrt(0.25 / 400))


def test_writing_goes_on_beyond_the_context_and_repeats() -> None:
    texts = [gpt_model.go_on(network(), "She was ", 30, np.random.default_rng(0)) for _ in range(2)]
    assert len(texts[0]) == 30 and texts[0] == texts[1]
    assert gpt_model.go_on(network(), "She", 0, RNG) == ""


@pytest.mark.parametrize(
    ("text", "length", "words"),
    [("", 5, "empty"), ("a" * 17, 5, "17 characters: at most 16"), ("a", -1, "length -1")],
)
def test_bad_prompts_are_one_line(text: str, length: int, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        gpt_model.go_on(network(), text, length, RNG)
    assert "\n" not in str(error.value)
    if length > 0:
        with pytest.raises(UserError, match=words):
            gpt_model.log_probability(network(), text)


JITTER = np.array([0.0, 0.01, -0.01])


def results_of(**changes: Any) -> Results:
    by_place = np.full((3, 64), 1.5)
    by_place[:, :4] = changes.get("early", 2.4)
    by_place[:, 4:16] = changes.get("middle", 1.7)
    config = GptConfig()
    found = [
        {
            "watched": [changes.get("first", 4.4), 1.6],
            "vocabulary": 81,
            "later_changes_earlier": changes.get("later", 0.0),
            "by_place": by_place[i] * (1 + JITTER[i]),
            "test_loss": changes.get("loss", 1.6) + changes.get("luck", 1) * JITTER[i],
        }
        for i in range(3)
    ]
    results = [Result(Trial("gpt", config, i, Runtime("torch")), str(i), "FINISHED", m) for i, m in enumerate(found)]
    counted = Result(Trial("counting", config, 0), "c", "FINISHED", {"losses": [2.9, 2.4, 2.0]})
    return Results([*results, counted])


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, results_of()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"first": 4.6}, "left-to-right/untrained"),
        ({"later": 1e-6}, "left-to-right/causal"),
        ({"loss": 2.6}, "left-to-right/learns"),
        ({"early": 1.51}, "left-to-right/context"),
        ({"loss": 2.6}, "looks-further-than-a-pair"),
        ({"middle": 1.4}, "context-beyond-the-word"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, float], failing: str) -> None:
    assert verdicts(CLAIMS, results_of(**changes))[failing] == "fails"


def test_a_gain_within_the_seeds_luck_is_inconclusive() -> None:
    assert verdicts(CLAIMS, results_of(loss=2.4))["looks-further-than-a-pair"] == "inconclusive"


def test_a_model_that_knows_no_more_than_counting_says_nothing_of_what_lies_far_back() -> None:
    assert verdicts(CLAIMS, results_of(loss=2.1, middle=1.4))["context-beyond-the-word"] == "inconclusive"


@pytest.fixture(scope="module")
def results() -> Results:
    return run_study(LAB, GptConfig(**SMALL, seeds=2))


def test_a_small_model_learns_and_exact_claims_hold(results: Results) -> None:
    found = verdicts(CLAIMS, results)
    assert found["left-to-right/untrained"] == found["left-to-right/causal"] == "holds"
    watched = results.values("gpt", "watched")
    assert (watched[:, -1] < watched[:, 0] - 1).all()


def test_pictures(results: Results) -> None:
    assert_drawn(LAB, results, GptConfig(**SMALL))


def test_broken_on_purpose_on_shuffled_text_context_buys_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the characters of the novels in random order there is nothing to learn but their frequencies."""
    from lib.nlp.gpt import lab as gpt

    original = gpt.__dict__["novels"]
    monkeypatch.setattr(gpt, "novels", lambda part: np.random.default_rng(0).permutation(original(part)[:60_000]))
    found = verdicts(CLAIMS, run_study(LAB, GptConfig(**SMALL, seeds=2)))
    for claim in ("left-to-right/learns", "left-to-right/context", "looks-further-than-a-pair"):
        assert found[claim] != "holds", claim


def test_a_trial_repeats() -> None:
    logs = [Recording(), Recording()]
    config = GptConfig(**SMALL | {"steps": 5})
    for log in logs:
        run_trial(LAB, Trial("gpt", config, 0, Runtime("torch"), "learn"), log)
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("heads=3", "heads"),
        ("context=4", "context"),
        ("orders=1", "orders"),
        ('prompt=""', "prompt"),
        ("temperature=1", "no field 'temperature'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value).lower() and "\n" not in str(error.value)
