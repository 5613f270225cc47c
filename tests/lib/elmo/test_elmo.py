"""The ELMo lab: mixture and probe beside their definitions, its claims on made-up results, and broken on purpose."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lib.data import brown
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.models import language_models as lm
from lib.nlp.elmo import lab as elmo
from lib.nlp.elmo import words as elmo_words
from lib.nlp.elmo.claims import CLAIMS
from lib.nlp.elmo.lab import LAB, ElmoConfig
from lib.nlp.elmo.mix import learn_probe, mix, mixture_weights
from tests.lib.decisions import made_up, verdicts
from tests.lib.support import Recording, assert_drawn, run_study, run_trial

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "vocabulary": 1000,
    "width": 8,
    "steps": 20,
    "tokens": 256,
    "probe_examples": 600,
    "test_examples": 400,
}


def test_the_weights_of_the_mixture_are_positive_and_sum_to_one() -> None:
    for _ in range(20):
        raw = RNG.normal(0, 10, size=RNG.integers(1, 6))
        weights = mixture_weights(raw)
        assert weights.sum() == pytest.approx(1, abs=1e-12) and (weights >= 0).all()
        np.testing.assert_allclose(mixture_weights(raw + 1000), weights)
    assert mixture_weights(np.zeros(4)).tolist() == [0.25] * 4


def test_the_mixture_is_a_weighted_mean_of_the_layers() -> None:
    layers, raw = RNG.normal(size=(5, 3, 4)), RNG.normal(size=3)
    weights = mixture_weights(raw)
    np.testing.assert_allclose(mix(layers, raw, 2.0), 2 * sum(w * layers[:, j] for j, w in enumerate(weights)))
    np.testing.assert_allclose(mix(layers[:, :1], raw[:1]), layers[:, 0])


def test_the_probe_is_as_good_as_logistic_regression() -> None:
    centers = RNG.normal(size=(4, 10))
    labels = RNG.integers(0, 4, 1200)
    X = (centers[labels] + RNG.normal(0, 1.5, (1200, 10))).astype(np.float32)
    probe = learn_probe(X[:800, None], labels[:800], 4, Seed(0))
    theirs = LogisticRegression().fit(X[:800], labels[:800]).score(X[800:], labels[800:])
    assert probe.accuracy(X[800:, None], labels[800:]) == pytest.approx(theirs, abs=0.03)


def test_the_probe_takes_the_layer_that_knows() -> None:
    labels = RNG.integers(0, 2, 500)
    layers = RNG.normal(size=(500, 3, 6)).astype(np.float32)
    layers[:, 1, 0] += 4 * labels
    probe = learn_probe(layers, labels, 2, Seed(0))
    assert mixture_weights(probe.raw).argmax() == 1
    assert probe.accuracy(layers, labels) > 0.9


@pytest.mark.parametrize(
    ("tag", "plain"), [("vb", "vb"), ("nn-tl", "nn"), ("nn+bez", "nn"), ("hvz*", "hvz"), ("--", "--"), ("*", "*")]
)
def test_plain_tags(tag: str, plain: str) -> None:
    assert elmo_words.plain_tag(tag) == plain


def test_ambiguous_words_have_two_frequent_tags() -> None:
    words = elmo_words.ambiguous(1000)
    assert words["her"] == ("pp$", "ppo") and words["that"] == ("cs", "dt")
    assert "the" not in words and all(len(tags) >= 2 for tags in words.values())


def test_occurrences_are_where_the_corpus_says() -> None:
    shape = lm.Shape(vocabulary=1000)
    found, sentences, known = elmo_words.occurrences("test", shape), brown.test(), lm.vocabulary(1000)
    names = elmo_words.labels(1000)
    for i in range(0, len(found), 97):
        word, tag = sentences[found.sentence[i]][found.place[i] - 1]
        assert known.words[found.word[i]] == word.lower()
        assert names[found.label[i]] == elmo_words.plain_tag(tag) in elmo_words.ambiguous(1000)[word.lower()]
        assert lm.sentences("test", shape)[found.sentence[i]][found.place[i]] == found.word[i]


def test_vectors_are_those_of_the_sentences() -> None:
    shape = lm.Shape(vocabulary=1000, width=8)
    network, texts = lm.build("bilm", shape, Seed(0)), lm.sentences("test", shape)
    places = elmo_words.occurrences("test", shape).some(1200, np.random.default_rng(0))
    found = elmo.vectors(network, texts, places)
    for i in range(0, 1200, 111):
        layers = lm.features(network, [texts[places.sentence[i]]])[0]
        np.testing.assert_allclose(found[i], layers[:, places.place[i]], atol=1e-6)


def test_likeness_of_known_vectors() -> None:
    """Two words; tag 0 points to x, tag 1 to y: cosine 1 within a tag, 0 between."""
    n = 8
    places = elmo_words.Places(np.arange(n), np.ones(n, int), np.repeat([7, 9], 4), np.tile([0, 0, 1, 1], 2))
    vectors = np.zeros((n, 2, 3), dtype=np.float32)
    vectors[:, 0] = 1
    vectors[np.arange(n), 1, places.label] = np.arange(1, n + 1)
    found = elmo.likeness(places, vectors)
    assert found["static_spread"] == 0
    np.testing.assert_allclose(found["cosine_same"], [1, 1])
    np.testing.assert_allclose(found["cosine_different"], [1, 0], atol=1e-12)
    vectors[0, 0, 0] = np.nan
    assert np.isnan(elmo.likeness(places, vectors)["static_spread"]), "of the first word, though the second has none"


JITTER = np.array([0.0, 0.01, -0.01, 0.005, -0.005])


def measured(**changes: float) -> dict[str, Any]:
    accuracy = {
        "static": 0.65, "mean": 0.66, "untrained": 0.75, "layer 1": 0.86, "layer 2": 0.83, "mix": 0.88,
        "most frequent tag": 0.65,
    }  # fmt: skip
    new_words = {"static": changes.pop("new static", 0.4), "mix": changes.pop("new mix", 0.7)}
    spread, cosine = changes.pop("spread", 0.0), changes.pop("cosine", 0.5)
    apart, total = changes.pop("apart", 0.1), changes.pop("sum", 1.0)
    accuracy |= changes
    return {
        "accuracy": [{k: v + j * (k in ("mix", "layer 1")) for k, v in accuracy.items()} for j in JITTER],
        "new_words": [{k: v + j * (k == "mix") for k, v in new_words.items()} for j in JITTER],
        "static_spread": [spread] * 5,
        "cosine_same": [[1.0, cosine + j, cosine + j] for j in JITTER],
        "cosine_different": [[1.0, cosine - apart, cosine - apart] for _ in JITTER],
        "mixture_sum": [total] * 5,
    }


def results_of(**changes: float) -> Any:
    columns = measured(**changes)
    rows = [{name: values[i] for name, values in columns.items()} for i in range(5)]
    from lib.harness.contract.results import Results
    from lib.harness.contract.trial import Result

    config = ElmoConfig()
    return Results(
        [Result(Trial("biLM", config, i, Runtime("torch")), str(i), "FINISHED", r) for i, r in enumerate(rows)]
    )


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, results_of()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"mix": 0.65}, "context-changes-vectors/part-of-speech"),
        ({"mean": 0.88}, "context-changes-vectors/mean-of-contexts"),
        ({"new mix": 0.4}, "context-changes-vectors/new-words"),
        ({"spread": 1e-7}, "context-changes-vectors/static-is-one"),
        ({"cosine": 1.03, "apart": 0.0}, "context-changes-vectors/cosine"),
        ({"apart": 0.0}, "meaning-moves-the-vector"),
        ({"untrained": 0.88}, "learned-not-built-in"),
        ({"layer 2": 0.9}, "syntax-sits-low"),
        ({"layer 2": 0.862}, "syntax-sits-low"),
        ({"sum": 0.9}, "the-mixture-is-a-mean"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, float], failing: str) -> None:
    assert verdicts(CLAIMS, results_of(**changes))[failing] == "fails"


def test_a_gain_within_the_seeds_luck_is_inconclusive() -> None:
    assert verdicts(CLAIMS, results_of(mix=0.684))["context-changes-vectors/part-of-speech"] == "inconclusive"


def test_a_network_that_has_not_learned_says_nothing_of_what_moves_its_vectors() -> None:
    assert verdicts(CLAIMS, results_of(untrained=0.86, apart=0.0))["meaning-moves-the-vector"] == "inconclusive"


@pytest.fixture(scope="module")
def results() -> Any:
    return run_study(LAB, ElmoConfig(**SMALL, seeds=2))


def test_exact_claims_hold_and_pictures_are_drawn(results: Any) -> None:
    found = verdicts(CLAIMS, results)
    assert {found[c.id] for c in CLAIMS if c.kind == "exact"} == {"holds"}
    assert_drawn(LAB, results, ElmoConfig(**SMALL))


@pytest.mark.slow
def test_broken_on_purpose_without_context_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer is the word's own embedding: then the claims on context do not hold."""
    original = lm.features

    def static_only(*arguments: Any, **keywords: Any) -> list[np.ndarray]:
        return [np.repeat(layers[:1], len(layers), axis=0) for layers in original(*arguments, **keywords)]

    monkeypatch.setattr(lm, "features", static_only)
    broken = verdicts(CLAIMS, run_study(LAB, ElmoConfig(**SMALL | {"steps": 5}, seeds=2)))
    for claim in ("part-of-speech", "mean-of-contexts", "new-words", "cosine"):
        assert broken[f"context-changes-vectors/{claim}"] != "holds"
    assert broken["meaning-moves-the-vector"] == "inconclusive"


def test_a_trial_repeats() -> None:
    logs = [Recording(), Recording()]
    config = ElmoConfig(**SMALL | {"steps": 3, "probe_examples": 200, "test_examples": 200})
    found = [run_trial(LAB, Trial("biLM", config, 0, Runtime("torch")), log).measurements for log in logs]
    assert found[0] == found[1]
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])


def test_a_word_in_context() -> None:
    shape = lm.Shape(vocabulary=1000, width=8)
    network = lm.build("bilm", shape, Seed(0))
    first, second = (elmo.word_in_context(network, text, "her", shape) for text in ("he saw her", "her house"))
    assert first.shape == (3, 16)
    np.testing.assert_array_equal(first[0], second[0])
    assert np.abs(first[1] - second[1]).max() > 1e-3
    for text, word, words in (
        ("", "her", "empty"),
        ("he saw her", "zyzzyva", "none of the 996 words"),
        ("he saw her", "man", "does not stand in the text"),
        ("her " * 100, "her", "at most 62"),
    ):
        with pytest.raises(UserError, match=words) as error:
            elmo.word_in_context(network, text, word, shape)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("width=6", "width"),
        ("steps=0", "steps"),
        ("learning_rate=-1", "learning_rate"),
        ("depth=3", "no field 'depth'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_without_trials_nothing_is_measured() -> None:
    assert set(verdicts(CLAIMS, made_up(ElmoConfig(), {"other": {"x": 1}})).values()) == {"not measured"}
