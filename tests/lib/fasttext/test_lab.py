"""The FastText lab: its claims on made-up results, its measures by hand, small trials, and broken on purpose."""

from typing import Any

import numpy as np
import pytest

from lib.data import wordsim353
from lib.harness.contract.claim import Claim
from lib.harness.contract.drawing import style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.intervals import SAME
from lib.harness.judging.verdicts import judge
from lib.nlp.fasttext import measures
from lib.nlp.fasttext import text as texts
from lib.nlp.fasttext.claims import CLAIMS
from lib.nlp.fasttext.lab import LAB, NEVER_SEEN, VARIANTS, FastTextConfig, korean_typos
from lib.nlp.fasttext.subwords import NGrams, WordVectors
from lib.nlp.fasttext.text import Reviews
from tests.lib.decisions import made_up, verdicts
from tests.lib.support import Recording, run_study, run_trial

CONFIG = FastTextConfig(seeds=5)
JITTER = np.array([0.0, 0.001, -0.001, 0.002, -0.002])
SMALL: dict[str, Any] = {
    "seeds": 1,
    "text": 0.03,
    "epochs": 3,
    "korean_epochs": 1,
    "korean_at_least": 20,
    "dimensions": 16,
    "buckets": 20_000,
    "misspellings": 100,
    "reviews": 0.05,
    "typo_shares": (0.0, 0.5, 1.0),
}


def lists(*values: float) -> np.ndarray:
    """A list of values per seed, a little different by seed."""
    return np.array([[value * (1 + jitter * i) for i, value in enumerate(values)] for jitter in JITTER])


def all_as_the_lecture_says(**changes: dict[str, Any]) -> Results:
    spelling = np.array([{"top10": 0.6 - jitter} for jitter in JITTER])
    known: dict[str, dict[str, Any]] = {
        "ours/words": {
            "answered": 0.0, "wordsim": 0.3 + JITTER, "accuracy": lists(0.7, 0.6, 0.5), "top10": 0.0,
            "spelling_accuracy": lists(0.7, 0.65, 0.6), "spelling": spelling,
        },
        "ours/subwords": {"top10": 0.7 + JITTER, "wordsim": 0.3 + JITTER / 2, "accuracy": lists(0.7, 0.66, 0.6)},
        "gensim/words": {"wordsim": 0.3 - JITTER},
        "gensim/subwords": {"wordsim": 0.3 - JITTER, "top10": 0.7 + JITTER / 2},
        "korean/words": {"top10": 0.0, "spelling": spelling},
        "korean/syllables": {"top10": 0.3 + JITTER},
        "korean/jamo": {"top10": 0.7 - JITTER / 2},
    }  # fmt: skip
    merged = {arm: values | changes.get(arm, {}) for arm, values in known.items()}
    return made_up(CONFIG, merged)


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, all_as_the_lecture_says()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("arm", "change", "failing"),
    [
        ("ours/words", {"answered": 0.01}, "robust-to-typos/word2vec-alone"),
        ("ours/subwords", {"top10": 0.4 + JITTER}, "robust-to-typos/recovery"),
        ("ours/subwords", {"top10": 0.55}, "robust-to-typos/recovery-nearest-spelling"),
        ("ours/subwords", {"accuracy": lists(0.7, 0.601, 0.5)}, "robust-to-typos/sentiment"),
        ("ours/subwords", {"accuracy": lists(0.7, 0.63, 0.6)}, "robust-to-typos/sentiment-nearest-spelling"),
        ("korean/jamo", {"top10": 0.4 + JITTER}, "robust-to-typos/korean"),
        ("korean/jamo", {"top10": 0.55}, "robust-to-typos/korean-nearest-spelling"),
        ("korean/jamo", {"top10": 0.31}, "jamo-beat-syllables"),
        ("ours/subwords", {"wordsim": 0.2}, "subwords-keep-the-meaning"),
        ("ours/words", {"wordsim": 0.2}, "as-good-as-gensim/words"),
        ("ours/subwords", {"wordsim": 0.2}, "as-good-as-gensim/subwords"),
        ("ours/subwords", {"top10": 0.6}, "as-good-as-gensim/recovery"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(arm: str, change: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, all_as_the_lecture_says(**{arm: change}))[failing] == "fails"


@pytest.mark.parametrize(
    "claim", [claim for claim in LAB.claims if -1 < claim.at_least < 0], ids=lambda claim: claim.id
)
def test_a_margin_that_a_claim_allows_for_is_stated(claim: Claim) -> None:
    margin = -claim.at_least
    stated = LAB.texts.both(f"claims.{claim.id}.statement")
    assert stated is not None
    share = claim.unit.startswith("share")
    en, ko = (
        (f"{100 * margin:.0f} percentage point", f"{100 * margin:.0f}퍼센트포인트") if share else (f"{margin}",) * 2
    )
    assert f"at most {en}" in stated.en
    assert ko in stated.ko


def test_as_good_as_a_peer_that_has_learned_nothing_says_nothing() -> None:
    nothing = {"gensim/words": {"wordsim": 0.01 + JITTER}, "ours/words": {"wordsim": 0.01 - JITTER}}
    found = verdicts(CLAIMS, all_as_the_lecture_says(**nothing))
    assert found["as-good-as-gensim/words"] == found["subwords-keep-the-meaning"] == "inconclusive"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    lucky = {"ours/subwords": {"top10": 0.5 + 20 * JITTER}}
    assert verdicts(CLAIMS, all_as_the_lecture_says(**lucky))["robust-to-typos/recovery"] == "inconclusive"


WORDS = ["cat", "dog", "film"]
VECTORS = WordVectors(WORDS, np.eye(3))


def test_recovery_by_hand() -> None:
    """Three words, and the rows of n-grams such that every misspelling looks like the second word."""
    pieces = WordVectors(WORDS, np.eye(3), NGrams(3, 3, 10), np.tile([0.1, 1.0, 0.0], (10, 1)))
    pairs = [("dgo", "dog"), ("cta", "cat"), ("", "film")]
    found = measures.recovery(pieces, pairs, ["swap", "swap", "several"])
    assert found == {
        "answered": pytest.approx(2 / 3), "top1": pytest.approx(1 / 3), "top10": pytest.approx(2 / 3),
        "by_kind": {"swap": 1.0, "several": 0.0},
    }  # fmt: skip
    alone = measures.recovery(VECTORS, pairs, ["swap", "swap", "several"])
    assert (alone["answered"], alone["top10"]) == (0, 0)
    spelled = measures.spelling_recovery(WORDS, pairs, ["swap", "swap", "several"])
    assert spelled["by_kind"] == {"swap": 1.0, "several": 1.0}, "an empty word is four edits from film"


def test_only_misspellings_of_known_words_that_are_no_words() -> None:
    pairs = [("Cta", "cat"), ("dog", "cat"), ("hosue", "house"), ("flim", "film")]
    assert measures.unknown_misspellings(pairs, VECTORS, 10) == [("cta", "cat"), ("flim", "film")]
    assert len(measures.unknown_misspellings(pairs, VECTORS, 1)) == 1


def test_features_are_means_of_unit_vectors() -> None:
    vectors = WordVectors(WORDS, np.diag([2.0, 3.0, 4.0]))
    sentences = [["cat", "dog"], ["cat", "flim"], ["unheard"]]
    assert measures.features(vectors, sentences).tolist() == [[0.5, 0.5, 0], [1, 0, 0], [0, 0, 0]]
    replaced = measures.corrections(vectors, sentences)
    assert replaced == {"flim": "film"}
    assert measures.features(vectors, sentences, replaced)[1].tolist() == [0.5, 0, 0.5]


def test_a_classifier_on_words_that_tell_all_is_right_until_they_are_misspelled() -> None:
    words = ["wonderful", "horrible", "film"]
    good, bad = ["film", "wonderful"], ["film", "horrible"]
    labels = np.array([1, 0] * 50)
    reviews = Reviews((good, bad) * 50, labels, (good, bad) * 50, labels)
    vectors = WordVectors(words, np.eye(3))
    alone = measures.sentiment(vectors, reviews, (0.0, 0.5, 1.0), Seed(0), spelling=False)
    assert alone[0] == 1 and alone[2] == 0.5 and 0.5 < alone[1] < 1
    corrected = measures.sentiment(vectors, reviews, (0.0, 0.5, 1.0), Seed(0), spelling=True)
    assert corrected[0] == 1 and corrected[2] > 0.9


def test_word_similarity_is_spearmans_of_the_known_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rated = [("a", "b", 9.0), ("a", "c", 1.0), ("b", "c", 5.0), ("a", "unheard", 7.0)]
    monkeypatch.setattr(wordsim353, "pairs", lambda: rated)
    vectors = WordVectors(["a", "b", "c"], np.array([[1, 0], [1, 0.1], [0, 1.0]]))
    assert measures.similarity(vectors) == {"wordsim": pytest.approx(1), "wordsim_pairs": 3}


def test_the_texts() -> None:
    sentences = texts.english(1.0)
    assert 900_000 < sum(map(len, sentences)) < 1_000_000
    assert not any(word in {w for s in sentences for w in s} for word in NEVER_SEEN)
    assert 0.28 < len(texts.english(0.3)) / len(sentences) < 0.32
    found = texts.reviews(1.0)
    assert len(found.train) == len(found.train_labels) > 7000 and len(found.test) > 900
    assert [len(s) for s in texts.korean()] == [len(s) for s in texts.korean_in_letters()]
    assert all(
        len(spelled) == 3 * len(word)
        for spelled, word in zip(texts.korean_in_letters()[0], texts.korean()[0], strict=True)
    )


def test_korean_typos_are_of_words_and_are_none() -> None:
    config = FastTextConfig(misspellings=200)
    pairs, kinds = korean_typos(config, Seed(0))
    words = {w for s in texts.korean() for w in s}
    assert len(pairs) == len(kinds) > 150
    assert all(meant in words and meant in texts.korean_dictionary() for _, meant in pairs)
    assert korean_typos(config, Seed(0)) == (pairs, kinds) != korean_typos(config, Seed(1))


@pytest.fixture(scope="module")
def small() -> Results:
    return run_study(LAB, FastTextConfig(**SMALL))


def test_pictures(small: Results) -> None:
    config = FastTextConfig(**SMALL)
    with style():
        for name, draw in LAB.figures.items():
            figure = draw(small, config)
            figure.draw_without_rendering()
            assert all(axis.get_title() for axis in figure.axes)
            assert all(axis.has_data() for axis in figure.axes) or name == "never-seen"


def test_small_trials_say_what_they_must(small: Results) -> None:
    assert "not measured" not in verdicts(CLAIMS, small).values()
    assert verdicts(CLAIMS, small)["robust-to-typos/word2vec-alone"] == "holds"
    for arm in ("ours/subwords", "gensim/subwords", "korean/jamo", "korean/syllables"):
        assert small.values(arm, "answered").min() == 1
        assert small.values(arm, "top10").min() > small.values(arm, "top1").min() > 0
    assert small.values("korean/words", "top10").max() == 0


def test_with_the_rows_of_n_grams_exchanged_nothing_is_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: the n-grams of a misspelling are looked up in other rows than those that were trained."""
    proper = WordVectors.of

    def exchanged(self: WordVectors, words: Any) -> np.ndarray:
        if self.ngrams.buckets:
            rows = np.random.default_rng(0).permutation(self._rows)
            return proper(WordVectors(self.words, self.vectors, self.ngrams, rows), words)
        return proper(self, words)

    monkeypatch.setattr(WordVectors, "of", exchanged)
    config = FastTextConfig(**SMALL, pieces="subwords")
    results = [run_trial(LAB, Trial("ours/subwords", config, seed, Runtime("torch"), "ours")) for seed in range(3)]
    found = {result.measurements["top10"] for result in results}
    assert max(found) < 0.1
    (claim,) = (claim for claim in LAB.claims if claim.id == "robust-to-typos/recovery")
    record = judge(claim, Results(results), "fasttext")
    if len(found) == 1:
        assert (record["verdict"], record["effect"]) == ("inconclusive", found.pop())
        assert record["note"].startswith(f"inconclusive: {SAME}; ")
    else:
        assert record["verdict"] == "fails"


@pytest.mark.parametrize("arm", ["ours/subwords", "gensim/words"])
def test_a_trial_repeats(small: Results, arm: str) -> None:
    trial = next(r.trial for r in small if r.trial.variant == arm and r.trial.seed == 0)
    again = run_trial(LAB, trial, Recording())
    before = next(r for r in small if r.trial == trial)
    assert again.measurements == before.measurements


def test_the_study_asks_for_every_variant_and_seed_once() -> None:
    trials = [trial for batch in LAB.begin(FastTextConfig(seeds=2), 0) for trial in batch]
    assert [(t.variant, t.seed) for t in trials] == [(variant, seed) for seed in range(2) for variant in VARIANTS]
    for trial in trials:
        assert f"{trial.function}/{trial.config.model_dump()['pieces']}" == trial.variant
        assert trial.runtime.framework == ("numpy" if trial.variant.startswith("gensim") else "torch")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("epochs=0", "epochs"),
        ("text=0", "text"),
        ("pieces=letters", "pieces"),
        ("typo_shares=[0.5]", "typo_shares"),
        ("buckets=-1", "buckets"),
        ("width=3", "no field 'width'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_text_without_frequent_words_is_one_line() -> None:
    config = FastTextConfig(**SMALL | {"text": 0.01, "at_least": 100}, pieces="words")
    assert texts.english(0.01)
    with pytest.raises(UserError, match="no word that occurs") as error:
        rare = config.model_copy(update={"at_least": 10**9})
        run_trial(LAB, Trial("ours/words", rare, 0, Runtime("torch"), "ours"))
    assert "\n" not in str(error.value)
