"""The network: what each arm sees, its size, its loss before it has learned, its answers; and bad input."""

import math
from typing import Literal

import numpy as np
import pytest
import torch

from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models.training import DivergedError
from lib.nlp.seq2seq.answers import MOST_LETTERS, attention_map, pronounce, teacher_forced, word_vocabularies, write
from lib.nlp.seq2seq.measures import error_rates
from lib.nlp.seq2seq.model import EncoderDecoder, Score, parameter_count
from lib.nlp.seq2seq.text import IGNORED, START, Examples, Vocabulary
from lib.nlp.seq2seq.training import train

SCORES: tuple[Score, ...] = ("none", "dot", "general", "additive")
WIDTH, EMBEDDING = 16, 8


def reversal(n: int, seed: int, letters: str = "abcd") -> Examples:
    """Words of 2 to 6 letters and the same backwards: short, exact, and impossible without the source."""
    rng = np.random.default_rng(seed)
    words = [tuple(rng.choice(list(letters), rng.integers(2, 7)).tolist()) for _ in range(n)]
    vocabulary = Vocabulary.of([tuple(letters)])
    return Examples([(word, word[::-1]) for word in words], vocabulary, vocabulary)


def model_of(score: Score, size: int = 7, seed: int = 0, width: int = WIDTH) -> EncoderDecoder:
    torch.manual_seed(seed)
    return EncoderDecoder(size, size, embedding=EMBEDDING, width=width, score=score)


def test_sizes_are_the_formulas() -> None:
    H, E, V = WIDTH, EMBEDDING, 7
    half = H // 2
    encoder = 2 * (3 * half * (E + half) + 2 * 3 * half)
    decoder = 3 * H * (E + H) + 2 * 3 * H
    rest = 2 * V * E + (H * H + H) + (2 * H * H + H) + (H * V + V)
    more = {"none": 0, "dot": 0, "general": H * H, "additive": 2 * H * H + H}
    for score in SCORES:
        assert parameter_count(model_of(score)) == encoder + decoder + rest + more[score]


@pytest.mark.parametrize("score", SCORES)
def test_the_loss_of_an_untrained_network_is_about_that_of_guessing(score: Score) -> None:
    assert teacher_forced(model_of(score), reversal(200, 0))["loss"] == pytest.approx(math.log(7), abs=0.25)


@pytest.mark.parametrize("score", SCORES)
def test_writing_step_by_step_is_what_teacher_forcing_sees(score: Score) -> None:
    """The log-probability of what it writes, from all steps at once; and greedily no other symbol is likelier."""
    model, examples = model_of(score, seed=2), reversal(60, 1)
    answers = write(model, examples, 1, 12)
    for place, (source, _) in enumerate(examples.pairs):
        numbers = torch.tensor([examples.sources.encode(source)])
        written = model.write(numbers, 1, 12).symbols[0]
        before = torch.cat([torch.tensor([START]), written[:-1]]).unsqueeze(0)
        with torch.no_grad():
            log_p = model(numbers, before)[0][0].log_softmax(dim=1)
        assert torch.equal(log_p.argmax(dim=1), written)
        total = float(log_p.gather(1, written.unsqueeze(1)).sum())
        assert answers.log_probability[place] == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("score", SCORES)
def test_a_later_symbol_changes_no_earlier_output(score: Score) -> None:
    model = model_of(score)
    source, before = torch.randint(2, 7, (4, 5)), torch.randint(2, 7, (4, 6))
    other = before.clone()
    other[:, 3:] = (other[:, 3:] + 1) % 7
    first, second = (model(source, each)[0] for each in (before, other))
    assert torch.equal(first[:, :3], second[:, :3])
    assert not torch.allclose(first[:, 3:], second[:, 3:])


def test_without_attention_two_sources_of_one_summary_are_the_same() -> None:
    """The states on the way are cut off from the answer: only the summary counts. With attention they count."""
    for score, differs in (("none", False), ("dot", True)):
        chosen: Literal["none", "dot"] = "none" if score == "none" else "dot"
        model = model_of(chosen)
        keys, summary = model.encode(torch.randint(2, 7, (3, 5)))
        before = torch.randint(2, 7, (3, 4))
        first, second = (model.decode(before, model.start(summary), each, summary)[0] for each in (keys, keys.flip(0)))
        assert torch.allclose(first, second) is not differs


def test_attention_rows_sum_to_1_and_there_are_none_without() -> None:
    examples = reversal(100, 3)
    assert teacher_forced(model_of("dot"), examples)["row_sum"] < 1e-6
    assert "row_sum" not in teacher_forced(model_of("none"), examples)
    broken = model_of("dot")
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    assert np.isnan(teacher_forced(broken, examples)["row_sum"])
    found = attention_map(model_of("dot"), tuple("abc"), examples.sources, examples.targets, 9)
    assert np.shape(found["weights"]) == (len(found["answer"]) + 1, 3)
    assert "weights" not in attention_map(model_of("none"), tuple("abc"), examples.sources, examples.targets, 9)


def test_it_learns_to_write_backwards_and_then_looks_backwards() -> None:
    model, examples = model_of("dot", width=32), reversal(1500, 4)
    losses = [float(part.mean()) for _, part in train(model, examples, Seed(0), epochs=4, batch=32, rate=0.02, looks=4)]
    assert losses[-1] < 0.2 < losses[0]
    new = reversal(200, 5)
    answers = write(model, new, 1, 10)
    found = error_rates(answers.symbols, [target for _, target in new.pairs])
    forced = teacher_forced(model, new)
    assert found["wrong"] < 0.2
    assert forced["wrong"] == pytest.approx(found["wrong"], abs=1e-9)
    assert forced["forward"] < 0.2  # it writes the last letter first


def test_training_stops_where_asked_and_repeats() -> None:
    examples = reversal(100, 6)
    runs = []
    for _ in range(2):
        model = model_of("dot")
        runs.append([*train(model, examples, Seed(1), epochs=2, batch=10, rate=0.01, looks=3)])
    assert [seen for seen, _ in runs[0]] == [seen for seen, _ in runs[1]] and runs[0][-1][0] == 200
    for (_, ours), (_, theirs) in zip(*runs, strict=True):
        assert np.array_equal(ours, theirs)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    model = model_of("dot")
    with torch.no_grad():
        model.output.bias.fill_(math.nan)
    with pytest.raises(DivergedError, match="lower rate"):
        list(train(model, reversal(20, 0), Seed(0), epochs=1, batch=10, rate=0.01, looks=1))


def test_targets_that_are_not_there_count_for_nothing() -> None:
    """The loss of a batch of two lengths is that of its symbols, one by one."""
    model, examples = model_of("dot"), reversal(50, 7)
    total = count = 0.0
    for batch in examples.batches(1):
        with torch.no_grad():
            logits = model(torch.from_numpy(batch.source), torch.from_numpy(batch.before))[0][0].double()
        assert IGNORED not in batch.target
        picked = logits.log_softmax(dim=1).gather(1, torch.from_numpy(batch.target[0])[:, None])
        total, count = total - float(picked.sum()), count + len(picked)
    assert teacher_forced(model, examples)["loss"] == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "empty"),
        ("naïve", "'ï' is not a letter"),
        ("two words", "' ' is not a letter"),
        ("한글", "'한' is not a letter"),
        ("a" * (MOST_LETTERS + 1), "29 letters"),
    ],
)
def test_a_word_that_it_cannot_read_is_one_line(word: str, message: str) -> None:
    letters, sounds = word_vocabularies()
    model = EncoderDecoder(len(letters), len(sounds), embedding=8, width=8, score="dot")
    with pytest.raises(UserError, match=message) as error:
        pronounce(model, word)
    assert "\n" not in str(error.value)


def test_pronounce_gives_phonemes_for_small_and_large_letters() -> None:
    letters, sounds = word_vocabularies()
    torch.manual_seed(0)
    model = EncoderDecoder(len(letters), len(sounds), embedding=8, width=8, score="dot")
    assert pronounce(model, "Cat") == pronounce(model, "cat")
    assert all(sound in sounds for sound in pronounce(model, "q", width=1))
    with pytest.raises(UserError, match="width"):
        pronounce(model, "cat", width=0)
