"""The BERT lab: its claims on made-up results, broken on purpose, small models and reviews as they are judged."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lib.data import movie_reviews
from lib.harness.contract.drawing import style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Trial
from lib.harness.errors import UserError
from lib.models import language_models as lm
from lib.nlp.bert import reviews as bert_reviews
from lib.nlp.bert import senses as bert_senses
from lib.nlp.bert import words as bert_words
from lib.nlp.bert.claims import CLAIMS, more_reviews, sizes
from lib.nlp.bert.lab import GRID_SEED, KINDS, LAB, TORCH, BertConfig, steps_of
from tests.lib.decisions import made_up, run_variants, verdicts
from tests.lib.support import Recording, run_trial

CONFIG = BertConfig(seeds=6)
JITTER = np.array([0.0, 0.002, -0.002, 0.003, -0.003, 0.001])
WORDS = tuple(bert_senses.BY_HAND) + tuple(bert_senses.BY_TAG)


def many(make: Callable[[float], Any]) -> np.ndarray:
    """A measurement that is no number, a little different by seed."""
    found = np.empty(len(JITTER), dtype=object)
    found[:] = [make(float(jitter)) for jitter in JITTER]
    return found


def senses(share: float) -> np.ndarray:
    return many(lambda j: dict.fromkeys(WORDS, share * (1 + j)))


def model(right: float, features: float, meaning: float = 0.8, around: float = 0.7) -> dict[str, Any]:
    """The measurements of a small model."""
    guessed = many(
        lambda j: {place: {"right": right * (1 + j), "ten": 0.5, "nats": 4.0} for place in bert_words.PLACES}
    )
    filled = [[("room", 0.2), ("door", 0.1), ("house", 0.05)]] * len(bert_words.BLANKS)
    return {
        "test": guessed,
        "review_accuracy": features * (1 - JITTER),
        "senses": senses(meaning),
        "around": senses(around),
        "filled": filled,
    }


def results(**changes: dict[str, Any]) -> Results:
    """All as the lecture says, but for the changes."""
    layer = [dict.fromkeys(WORDS, 0.5 + 0.05 * number) for number in range(7)]
    plane = RNG.normal(size=(24, 2)).tolist()
    minilm = {"senses": senses(0.9), "around": senses(0.75), "by_layer": layer, "bank": plane, "bank_static": plane}
    variants: dict[str, dict[str, Any]] = {
        "causal": model(0.10, 0.60),
        "bilm": model(0.15, 0.61),
        "masked": model(0.20, 0.65),
        "minilm": minilm,
    }
    for size in (50, 800):
        for arm, accuracy in (("fine-tuned", 0.8), ("frozen", 0.75), ("tf-idf", 0.7), ("scratch", 0.6)):
            variants[f"{arm}/{size}"] = {"accuracy": accuracy * (1 + JITTER)}
    return made_up(CONFIG, variants | changes)


RNG = np.random.default_rng(0)


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, results()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"causal": model(0.21, 0.6)}, "masked-above-causal"),
        ({"bilm": model(0.22, 0.6)}, "masked-above-bilm"),
        ({"bilm": model(0.101, 0.6)}, "bilm-above-causal"),
        ({f"scratch/{n}": {"accuracy": 0.8 + JITTER} for n in (50, 800)}, "pretrained-above-scratch"),
        ({f"tf-idf/{n}": {"accuracy": 0.85 + JITTER} for n in (50, 800)}, "pretrained-above-tf-idf"),
        ({f"frozen/{n}": {"accuracy": 0.8 + JITTER} for n in (50, 800)}, "fine-tuned-above-frozen"),
        ({"masked": model(0.2, 0.65, meaning=0.701)}, "meaning-in-context-small"),
        ({"masked": model(0.2, 0.601)}, "frozen-features"),
        ({"minilm": {"senses": senses(0.7), "around": senses(0.75)}}, "meaning-in-context"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, results(**changes))[f"both-sides/{failing}"] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    lucky = {f"tf-idf/{n}": {"accuracy": 0.79 + 10 * JITTER} for n in (50, 800)}
    assert verdicts(CLAIMS, results(**lucky))["both-sides/pretrained-above-tf-idf"] == "inconclusive"


def test_reviews_are_the_mean_over_the_numbers_of_labels() -> None:
    found = results(**{"tf-idf/50": {"accuracy": 0.6 + JITTER}})
    assert sizes(found) == [50, 800]
    np.testing.assert_allclose(more_reviews("fine-tuned", "tf-idf")(found), 0.15, atol=1e-3)


def test_pictures() -> None:
    with style():
        for name, draw in LAB.figures.items():
            figure = draw(results(), CONFIG)
            figure.draw_without_rendering()
            assert all(axis.get_title() for axis in figure.axes)
            assert name == "blanks" or all(axis.has_data() for axis in figure.axes)


SMALL: dict[str, Any] = {
    "seeds": 3, "width": 16, "layers": 1, "steps": 30, "tokens": 256, "hidden": 100, "word_rates": (1e-2,),
    "judged": 40, "probe": 40, "labelled": (20,), "fine_tune_rates": (3e-4,), "scratch_rates": (1e-3,),
    "pretrained_seeds": 1, "vocabulary": 500, "draws": 1, "fewest_steps": 2, "review_epochs": 1, "first": 5,
}  # fmt: skip


def test_a_masked_model_that_cannot_see_the_right_guesses_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: its attention is the causal model's. Both then do the same, so no comparison holds."""
    build = lm.build
    monkeypatch.setattr(lm, "build", lambda kind, *rest: build("causal" if kind == "masked" else kind, *rest))
    found = run_variants(LAB, BertConfig(**SMALL), ("masked", "causal"))
    decided = verdicts(CLAIMS, found)
    assert "holds" not in (decided["both-sides/masked-above-causal"], decided["both-sides/frozen-features"])
    assert len(found) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_causal_model_never_sees_the_right(kind: lm.Kind) -> None:
    shape = lm.Shape(500, 16, 1)
    network = lm.build(kind, shape, Seed(0))
    text = lm.sentences("train", shape)[0]
    place = len(text) // 2
    changed = [text.copy() for _ in range(2)]
    changed[0][place + 2], changed[1][place - 2] = 7, 7
    before, right, left = lm.log_probabilities(network, [text, *changed], [place] * 3)
    assert np.array_equal(before, right) == (kind == "causal")
    assert not np.array_equal(before, left)


def test_a_trial_of_words_repeats_and_starts_at_the_logarithm_of_the_vocabulary() -> None:
    logs = [Recording(), Recording()]
    trial = Trial("masked", BertConfig(**SMALL, kind="masked", learning_rate=1e-2), 0, TORCH, "words")
    found = [run_trial(LAB, trial, log).measurements for log in logs]
    assert found[0] == found[1]
    assert all(np.array_equal(array, logs[1].final[name]) for name, array in logs[0].final.items())
    assert found[0]["first_loss"] == pytest.approx(np.log(500), abs=0.1)
    assert found[0]["validation"]["nats"] < np.log(500)


def test_guesses_are_counted_from_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = lm.Shape(500, 16, 1)
    texts, at = bert_words.hidden_words("validation", shape, "middle", 50)
    words = [text[where] for text, where in zip(texts, at, strict=True)]
    for text, where in zip(texts, at, strict=True):
        assert len(text) >= bert_words.SHORTEST + 2 and 1 < where < len(text) - 2
    table = np.full((50, 500), -9.0)
    table[np.arange(20), words[:20]] = -1.0
    table[:, lm.UNKNOWN] = 0.0
    table[20:, -11:-1] = -5.0
    monkeypatch.setattr(lm, "log_probabilities", lambda *_: table)
    found = bert_words.guessed(lm.build("causal", shape, Seed(0)), "validation", shape, "middle", 50)
    own = table[np.arange(50), words] - np.logaddexp.reduce(table[:, 4:], axis=1)
    assert found == {"right": 0.4, "ten": 0.4, "nats": pytest.approx(-own.mean())}


@pytest.mark.parametrize("text", ["no blank here", "___ and ___", "___"])
def test_a_sentence_without_one_blank_is_refused(text: str) -> None:
    shape = lm.Shape(500, 16, 1)
    with pytest.raises(UserError, match="one blank ___ among other words"):
        bert_words.filled(lm.build("masked", shape, Seed(0)), text, shape)


def test_a_blank_gets_words_with_their_probabilities_and_a_long_text_is_refused() -> None:
    shape = lm.Shape(500, 16, 1)
    network = lm.build("masked", shape, Seed(0))
    found = bert_words.filled(network, "he saw the ___ of it", shape, words=496)
    assert len({word for word, _ in found}) == 496 and sum(share for _, share in found) <= 1
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
    with pytest.raises(UserError, match="at most 62"):
        bert_words.filled(network, "___ " + "very " * 70, shape)


def test_labels_permuted_nothing_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: TF-IDF on 2,000 reviews tells new ones, on permuted labels it guesses."""
    task = bert_reviews.Task(2000, 900, ("validation", "test"), 48)
    training = bert_reviews.Training(1e-3, 1, 16, 3)
    honest = bert_reviews.judged("tf-idf", task, training, Seed(0), Recording())
    train = movie_reviews.train()
    labels = np.random.default_rng(0).permutation([label for _, label in train])
    permuted = [(text, int(label)) for (text, _), label in zip(train, labels, strict=True)]
    monkeypatch.setattr(movie_reviews, "train", lambda: permuted)
    broken = bert_reviews.judged("tf-idf", task, training, Seed(0), Recording())
    assert honest["accuracy"] > 0.68 and abs(broken["accuracy"] - 0.5) < 0.06


def test_fewer_labelled_reviews_are_among_the_more_and_none_is_held_out() -> None:
    few, more = (bert_reviews.drawn(Seed(1), n) for n in (50, 200))
    assert more[:50] == few
    assert few != bert_reviews.drawn(Seed(2), 50)
    held = {text for part in ("validation", "test") for text, _ in bert_reviews.held_out(part, 900)}
    assert not held & {text for text, _ in bert_reviews.drawn(Seed(1), 5000)}


def test_the_grid_does_not_read_the_test_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise AssertionError("the test reviews were read")

    monkeypatch.setattr(movie_reviews, "test", refuse)
    for arm in bert_reviews.ARMS:
        config = BertConfig(**SMALL, arm=arm, examples=20, final=False)
        found = run_trial(LAB, Trial("any", config, GRID_SEED, TORCH, "reviews")).measurements
        assert found.keys() == {"validation_accuracy"}
    words = run_trial(LAB, Trial("any", BertConfig(**SMALL, final=False), GRID_SEED, TORCH, "words")).measurements
    assert "test" not in words


def test_the_study_chooses_on_validation_and_then_asks_for_every_final_once() -> None:
    """The better rate of each goes to all its finals; a rate without a rival is not tried."""
    config = BertConfig(seeds=2, pretrained_seeds=2, word_rates=(1e-3, 1e-2), scratch_rates=(5e-4,))
    study = LAB.begin(config, 0)
    grid = next(study)
    assert {t.seed for t in grid} == {GRID_SEED} and not any(t.config.model_dump()["final"] for t in grid)
    assert len(grid) == 2 * len(KINDS) + 2

    def judged(trial: Trial) -> dict[str, Any]:
        better = trial.config.model_dump()["learning_rate"] in (1e-2, 1e-4)
        return (
            {"validation": {"nats": 4 - better}}
            if trial.variant.count("grid/") and "fine" not in trial.variant
            else {"validation_accuracy": 0.5 + 0.1 * better}
        )

    from lib.harness.contract.trial import Result

    finals = study.send([Result(t, t.variant, "FINISHED", judged(t)) for t in grid])
    asked = [(t.variant, t.seed) for t in finals]
    assert len(asked) == len(set(asked)) == 2 * (4 * 3 + len(KINDS) + 1)
    rates = {t.variant: t.config.model_dump()["learning_rate"] for t in finals}
    assert rates["masked"] == 1e-2 and rates["fine-tuned/50"] == 1e-4 and rates["scratch/800"] == 5e-4
    assert all(t.config.model_dump()["final"] for t in finals)


@pytest.mark.parametrize("arm", ["fine-tuned", "scratch"])
def test_a_trial_of_reviews_repeats_whatever_is_cached(arm: bert_reviews.Arm) -> None:
    config = BertConfig(**SMALL, arm=arm, examples=20, learning_rate=3e-4)
    losses = []
    for clear in (True, False):
        if clear:
            bert_reviews._frozen.cache_clear()
            bert_reviews._of_part.cache_clear()
        log = Recording()
        run_trial(LAB, Trial("any", config, 0, TORCH, "reviews"), log)
        losses.append([values["loss"] for _, values in log.values])
    assert losses[0] == losses[1]


def test_few_labels_are_seen_more_often() -> None:
    config = BertConfig()
    steps = {n: steps_of(config.model_copy(update={"arm": "fine-tuned", "examples": n})) for n in (50, 800)}
    assert steps == {50: config.fewest_steps, 800: 50 * config.review_epochs}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("labelled=[5]", "labelled"),
        ("first=6", "first"),
        ("masked_share=0", "masked_share"),
        ("width=30", "width"),
        ("fine_tune_rates=[]", "fine_tune_rates"),
        ("depth=3", "no field 'depth'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)
