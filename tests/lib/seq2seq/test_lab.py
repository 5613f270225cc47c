"""The seq2seq lab: its claims on made-up results, broken on purpose, and trials of a really small config."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.claim import Claim
from lib.harness.contract.drawing import style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import grid_seed
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.nlp.seq2seq import lab as seq2seq
from lib.nlp.seq2seq.answers import teacher_forced
from lib.nlp.seq2seq.claims import CLAIMS, gain_by_length
from lib.nlp.seq2seq.figures import WORDS
from lib.nlp.seq2seq.lab import ARMS, LAB, Seq2seqConfig, shown_sentence, thirds, words_of
from lib.nlp.seq2seq.text import Examples, sentences, words
from lib.nlp.seq2seq.training import train
from tests.lib.decisions import made_up, verdicts
from tests.lib.support import Recording, run_study, run_trial

CONFIG = Seq2seqConfig(seeds=6)
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.01]) / 10
LENGTHS = 10


def word_arm(wrong: float, errors: float, slope: float, beyond: float, **more: Any) -> dict[str, Any]:
    """The measurements of an arm: errors grow by `slope` a letter; a little different by seed."""
    by_length = [{"errors": [errors + j + slope * i * (1 + 10 * j) for i in range(LENGTHS)]} for j in JITTER]
    beam = [{"width": [1, 4], "wrong": [wrong, wrong - 0.01 + j], "log_probability": [-3, -2.9 + j]} for j in JITTER]
    forced = [{"forward": 0.95 + j, "row_sum": 1e-7, "wrong": wrong + j, "errors": errors - 0.03} for j in JITTER]
    return {
        "wrong": wrong + JITTER,
        "errors": errors + JITTER,
        "beyond": beyond + JITTER,
        "by_length": np.array(by_length),
        "beam": np.array(beam),
        "forced": np.array(forced),
        "parameters": 1000,
        **more,
    }


def all_as_the_lecture_says(**changes: dict[str, Any]) -> Results:
    arms: dict[str, dict[str, Any]] = {
        "words/with": word_arm(0.5, 0.15, 0.005, 0.4),
        "words/without": word_arm(0.8, 0.3, 0.03, 0.7),
        "words/memory": {"copied_wrong": 0.9, "letterwise_wrong": 0.95},
        "sentences/with": {"bleu": 30 + JITTER, "parameters": 500},
        "sentences/without": {"bleu": 20 - JITTER, "parameters": 500},
        "sentences/memory": {"bleu": 25.0},
    }
    return made_up(CONFIG, {variant: values | changes.get(variant, {}) for variant, values in arms.items()})


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, all_as_the_lecture_says()).values()) == {"holds"}


def forced(**changes: float) -> dict[str, Any]:
    measured = {"forward": 0.95, "row_sum": 1e-7, "wrong": 0.5, "errors": 0.12} | changes
    return {"forced": np.array([measured | {"forward": measured["forward"] + j} for j in JITTER])}


def beam(**changes: list[float]) -> dict[str, Any]:
    measured: dict[str, Any] = {"width": [1, 4], "wrong": [0.5, 0.4], "log_probability": [-3.0, -2.9]} | changes
    moved = ("wrong", "log_probability")
    return {"beam": np.array([measured | {n: [measured[n][0], measured[n][1] + j] for n in moved} for j in JITTER])}


@pytest.mark.parametrize(
    ("variant", "changes", "failing"),
    [
        ("words/with", {"wrong": 0.88 + JITTER}, "encoder-decoder/learns"),
        ("words/memory", {"letterwise_wrong": 0.3}, "encoder-decoder/learns"),
        ("words/with", {"errors": 0.31}, "encoder-decoder/attention"),
        ("words/with", {"by_length": {"errors": [0.1 + 0.03 * i for i in range(LENGTHS)]}}, "attention-helps-long"),
        ("words/with", {"beyond": 0.8}, "encoder-decoder/beyond"),
        ("words/with", forced(forward=0.5), "encoder-decoder/looks-in-order"),
        ("words/with", forced(row_sum=0.1), "encoder-decoder/rows"),
        ("words/with", forced(wrong=0.6), "teacher-forcing/same-words"),
        ("words/with", forced(errors=0.2), "teacher-forcing/errors-spread"),
        ("words/with", beam(log_probability=[-3.0, -3.1]), "beam-search/probability"),
        ("words/with", beam(wrong=[0.5, 0.6]), "beam-search/words"),
        ("words/with", {"parameters": 1100}, "encoder-decoder/same-size"),
        ("sentences/with", {"parameters": 501}, "encoder-decoder/same-size"),
        ("sentences/with", {"bleu": 19.0}, "encoder-decoder/translation"),
        ("sentences/with", {"bleu": 24.0 + JITTER}, "translation-memory"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(variant: str, changes: dict[str, Any], failing: str) -> None:
    found = verdicts(CLAIMS, all_as_the_lecture_says(**{variant: changes}))
    assert {claim: found[claim] for claim in found if claim.endswith(failing)} in (
        {failing: "fails"},
        {f"encoder-decoder/{failing}": "fails"},
    )


@pytest.mark.parametrize("way", ["copied_wrong", "letterwise_wrong"])
def test_a_peer_that_is_no_number_decides_nothing(way: str) -> None:
    results = all_as_the_lecture_says(**{"words/memory": {way: float("nan")}})
    assert verdicts(CLAIMS, results)["encoder-decoder/learns"] == "inconclusive"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    lucky = {"errors": 0.3 + 10 * JITTER, "bleu": 26 + 1000 * JITTER}
    assert verdicts(CLAIMS, all_as_the_lecture_says(**{"words/with": lucky}))["encoder-decoder/attention"] != "holds"
    found = verdicts(CLAIMS, all_as_the_lecture_says(**{"sentences/with": lucky}))
    assert found["translation-memory"] == "inconclusive"


def test_the_gain_is_paired_by_seed_and_length() -> None:
    gains = gain_by_length(all_as_the_lecture_says())
    np.testing.assert_allclose(gains, np.tile(0.15 + 0.025 * np.arange(LENGTHS), (6, 1)), atol=0.005)


TINY: dict[str, Any] = {
    "seeds": 2,
    "sentence_seeds": 2,
    "words": 400,
    "sentences": 60,
    "tested": 30,
    "tested_sentences": 20,
    "validated": 20,
    "tuning_words": 100,
    "rates": (0.01, 0.02),
    "sentence_epochs": 1,
    "width": 16,
    "embedding": 8,
    "beams": (2,),
}


def test_the_whole_study_with_its_pictures() -> None:
    config = Seq2seqConfig(**TINY)
    logs: dict[str, Recording] = {}

    def run(trial: Trial) -> Result:
        logs.setdefault(trial.variant, Recording())
        return run_trial(LAB, trial, logs[trial.variant])

    results = run_study(LAB, config, run)
    names = [(result.trial.variant, result.trial.seed) for result in results]
    assert len(names) == len(set(names)) == 4 + 4 + 4 + 2
    for variant, log in logs.items():
        assert bool(log.final) is not variant.endswith("memory")
    judged = [judge(claim, results, "seq2seq") for claim in CLAIMS]
    assert [record["note"] for record in judged if record["verdict"] == "not measured"] == []
    exact = {claim.id: judge(claim, results, "seq2seq")["verdict"] for claim in CLAIMS if claim.kind == "exact"}
    assert set(exact.values()) == {"holds"}
    with style():
        for draw in LAB.figures.values():
            figure = draw(results, config)
            figure.draw_without_rendering()
            assert all(axis.get_title() or axis.get_ylabel() for axis in figure.axes)


def rates_asked_for(losses: dict[str, float]) -> dict[str, set[float]]:
    """The rates of the final trials when the tuning trials have these losses."""
    study = LAB.begin(Seq2seqConfig(rates=(0.001, 0.1)), 0)
    tuning = next(study)
    assert {trial.seed for trial in tuning} == {grid_seed()}, "one that no final has"
    assert {trial.function for trial in tuning} == {"tune"}
    found = [Result(t, t.variant, "FINISHED", {"validation_loss": losses[t.variant]}) for t in tuning]
    finals = study.send(found)
    assert max(trial.seed for trial in finals) == 4
    return {
        arm: {trial.config.model_dump()["rate"] for trial in finals if trial.variant.endswith(f"/{arm}")}
        for arm in ARMS
    }


def test_each_arm_gets_the_rate_that_was_best_for_it() -> None:
    losses = {"grid/with/0.001": 2.0, "grid/with/0.1": 1.0, "grid/without/0.001": 1.0, "grid/without/0.1": 2.0}
    assert rates_asked_for(losses) == {"with": {0.1}, "without": {0.001}}


def small_arm(attention: bool) -> Trial:
    config = Seq2seqConfig(**TINY, attention=attention)
    return Trial(f"words/{'with' if attention else 'without'}", config, 0, Runtime("torch"), "words")


def test_a_trial_repeats_to_the_last_bit_and_arms_start_alike() -> None:
    logs = [Recording() for _ in range(3)]
    found = [run_trial(LAB, small_arm(a), log) for a, log in zip((True, True, False), logs, strict=True)]
    assert repr(found[0].measurements) == repr(found[1].measurements)  # by repr: NaN is not itself
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])
    assert {name: array.shape for name, array in logs[0].final.items()} == {
        name: array.shape for name, array in logs[2].final.items()
    }
    # the same weights and batches; only what the answer's steps see differs
    start = [float(log.values[0][1]["losses"][0]) for log in logs]
    assert start[0] == start[1] and start[0] == pytest.approx(start[2], abs=0.1)


def test_attention_removed_nothing_is_gained() -> None:
    """Both arms without it, from the same seeds: the claims on attention do not hold."""
    results = []
    for seed in range(2):
        for arm in ARMS:
            config = small_arm(False).config
            found = run_trial(LAB, Trial(f"words/{arm}", config, seed, Runtime("torch"), "words"))
            results.append(found)
    about = ("encoder-decoder/attention", "encoder-decoder/beyond", "encoder-decoder/looks")
    claims: tuple[Claim, ...] = tuple(claim for claim in CLAIMS if claim.id.startswith(about))
    assert len(claims) == 4
    assert "holds" not in verdicts(claims, Results(results)).values()


def test_with_the_answers_shuffled_it_learns_nothing() -> None:
    """The words with another word's phonemes: the loss on new words stays that of the phonemes' frequencies."""
    text = words(1000, 3, 12, 200, 100)
    said = [target for _, target in text.train.pairs]
    order = np.random.default_rng(0).permutation(len(said))
    sources = [source for source, _ in text.train.pairs]
    shuffled = Examples(
        [(source, said[i]) for source, i in zip(sources, order, strict=True)], text.train.sources, text.train.targets
    )
    losses = {}
    for name, examples in (("right", text.train), ("shuffled", shuffled)):
        config = Seq2seqConfig(**TINY | {"words": 1000})
        model = seq2seq.network(config, text, Seed(0))
        list(train(model, examples, Seed(0), epochs=4, batch=32, rate=0.02, looks=1))
        losses[name] = teacher_forced(model, text.validation)["loss"]
    assert losses["right"] < losses["shuffled"] - 0.3


def test_no_test_word_is_learned_and_parts_are_disjoint() -> None:
    for text in (words_of(Seq2seqConfig(words=5000, tested=500)), sentences(10_000, 1000, 1000)):
        parts = [{source for source, _ in part.pairs} for part in text]
        assert len(parts[0] & parts[1]) == len(parts[0] & parts[2]) == len(parts[1] & parts[2]) == 0
    test = [len(source) for source, _ in words(10, 3, 12, 10, 500).test.pairs]
    assert sum(length <= 12 for length in test) == 500 and sum(length > 12 for length in test) > 200


def test_the_words_of_the_picture_are_test_words() -> None:
    spelled = {"".join(source) for source, _ in words(10, 3, 12, 10, 100_000).test.pairs}
    assert set(WORDS) <= spelled


def test_thirds_by_length_and_the_sentence_shown() -> None:
    text = sentences(10_000, 1000, 1000)
    places = thirds(text.test)
    assert sorted(place for part in places for place in part) == list(range(len(text.test)))
    longest = [max(len(text.test.pairs[place][0]) for place in part) for part in places]
    assert longest == sorted(longest)
    source = text.test.pairs[shown_sentence(text.test)][0]
    assert 6 <= len(source) <= 9 and all(word in text.test.sources for word in source)


@pytest.mark.parametrize(
    ("change", "words_of_it"),
    [
        ("words=0", "words"),
        ("rates=[]", "rates"),
        ("rates=[0.01, -1]", "rates"),
        ("beams=[0]", "beams"),
        ("width=33", "width"),
        ("score=cosine", "score"),
        ("hidden=3", "no field 'hidden'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words_of_it: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words_of_it in str(error.value) and "\n" not in str(error.value)
