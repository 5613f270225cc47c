"""ELMo: the vector of a word comes from the sentence it stands in. Does it know more than a vector for each word?

A forward and a backward LSTM language model (Peters et al. 2018, "Deep contextualized word representations") learn the
Brown corpus, by `lib.models.language_models`. Then their vectors are frozen, and a linear probe has to tell which part
of speech an ambiguous word is ("her" of *her book* and of *saw her*). The probe learns from occurrences in the training
part of the corpus; it is judged on sentences of the test part, read once, at the end. A second one is judged on words
that it has not learned from. Rates and steps were chosen on the validation part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lib.harness.contract.claim import largest
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Log, Runtime, Trial
from lib.harness.errors import UserError
from lib.models import language_models as lm
from lib.nlp.elmo import figures
from lib.nlp.elmo.claims import CLAIMS
from lib.nlp.elmo.mix import learn_probe, mixture_weights
from lib.nlp.elmo.words import Places, ambiguous, labels, most_frequent_tag, occurrences

if TYPE_CHECKING:
    import torch

SHOWN = ("her", "that", "work")
"""Ambiguous words whose vectors are drawn."""
FOLDS = 4
"""Parts into which the words are dealt for the probe that is asked for words it has not learned from."""


class ElmoConfig(Config):
    """Settings of the lab."""

    seeds: int = Field(5, ge=1, le=1000, description="the fewest that an interval needs; a seed takes a minute or two")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    vocabulary: int = Field(2000, ge=100, le=20_000, description="words: four of five in the corpus; more cost time")
    width: int = Field(64, ge=4, le=512, multiple_of=4, description="of the vectors of one direction: fits a minute")
    layers: int = Field(2, ge=1, le=4, description="LSTMs in each direction: ELMo's own")
    steps: int = Field(800, ge=1, le=100_000, description="about four tenths of the corpus: about a minute of a core")
    tokens: int = Field(512, ge=64, le=65_536, description="words of a step: some twenty sentences of one length")
    learning_rate: float = Field(1e-2, gt=0, le=1, description="of 0.003 and 0.01 the lower validation loss")
    probe_examples: int = Field(5000, ge=100, le=100_000, description="about forty occurrences of each ambiguous word")
    test_examples: int = Field(4000, ge=100, le=100_000, description="the accuracy's own error is then below 0.01")

    @property
    def shape(self) -> lm.Shape:
        """Of the network."""
        return lm.Shape(self.vocabulary, self.width, self.layers)


def vectors(network: torch.nn.Module, texts: Sequence[lm.Ids], places: Places) -> np.ndarray:
    """The vectors of these occurrences at every layer, float32 (n, layers + 1, features)."""
    needed, row = np.unique(places.sentence, return_inverse=True)
    collected = np.empty(0)
    for start in range(0, len(needed), 500):
        part = needed[start : start + 500]
        here = np.flatnonzero((row >= start) & (row < start + len(part)))
        features = lm.features(network, [texts[i] for i in part])
        taken = np.stack([features[row[i] - start][:, places.place[i]] for i in here])
        if not collected.size:
            collected = np.empty((len(places), *taken.shape[1:]), dtype=taken.dtype)
        collected[here] = taken
    return collected


def word_in_context(network: torch.nn.Module, text: str, word: str, shape: lm.Shape) -> np.ndarray:
    """The vectors of a word of a text, its words divided by spaces, at every layer: (layers + 1, features).

    Raises:
        UserError: the text is empty or longer than the context, the word is not known or does not stand in it.
    """
    ids = lm.encode_text(text, shape, required=(word,))
    places = np.flatnonzero(ids == lm.vocabulary(shape.vocabulary).index[word.lower()])
    if not len(places):
        raise UserError(f"'{word}' does not stand in the text")
    return lm.features(network, [ids])[0][:, places[0]]


def trial(config: ElmoConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train the biLM once, then ask its vectors, and others to compare with, for ambiguous words' parts of speech."""
    network = lm.build("bilm", config.shape, seed)
    learn = occurrences("train", config.shape).some(config.probe_examples, seed.rng("probe examples"))
    texts = lm.sentences("train", config.shape)
    untrained = vectors(network, texts, learn)
    untrained_network = lm.weights(network)
    validation = lm.sentences("validation", config.shape)[:1000]
    before = lm.mean_loss(network, validation, seed)
    losses = lm.train(
        network,
        texts,
        steps=config.steps,
        tokens=config.tokens,
        learning_rate=config.learning_rate,
        seed=seed,
        log=log,
    )
    after = lm.mean_loss(network, validation, seed)
    log.parameters(lm.weights(network))
    known = vectors(network, texts, learn)

    judged = occurrences("test", config.shape).some(config.test_examples, seed.rng("test examples"))
    test_texts = lm.sentences("test", config.shape)
    new = vectors(network, test_texts, judged)
    lm.load(network, untrained_network)
    new_untrained = vectors(network, test_texts, judged)
    return {
        "losses": losses,
        "validation_loss": (before, after),
        **by_representation(config, seed, learn, judged, trained=(known, new), untrained=(untrained, new_untrained)),
        **on_new_words(config, seed, learn, judged, known=known, new=new),
        **likeness(judged, new),
        "pictures": pictures(config, judged, new),
    }


def by_representation(
    config: ElmoConfig,
    seed: Seed,
    learn: Places,
    judged: Places,
    *,
    trained: tuple[np.ndarray, np.ndarray],
    untrained: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """Accuracy of a probe on each kind of vector, and of the word's most frequent tag; by word for two of them."""
    kinds = len(labels(config.vocabulary))
    means = [word_means(learn, trained[0], places, config.vocabulary) for places in (learn, judged)]
    represented = {
        "static": (trained[0][:, :1], trained[1][:, :1]),
        "mean": (means[0][:, None], means[1][:, None]),
        "untrained": (untrained[0], untrained[1]),
        **{f"layer {j}": (trained[0][:, [j]], trained[1][:, [j]]) for j in range(1, config.layers + 1)},
        "mix": trained,
    }
    accuracy, right, mixture = {}, {}, np.zeros(0)
    for name, (known, new) in represented.items():
        probe = learn_probe(known, learn.label, kinds, seed.child(name))
        right[name] = probe.answers(new) == judged.label
        accuracy[name] = float(right[name].mean())
        if name == "mix":
            mixture = mixture_weights(probe.raw.astype(np.float64))
    guess = most_frequent_tag(occurrences("train", config.shape), config.vocabulary)[judged.word]
    accuracy["most frequent tag"] = float(np.mean(guess == judged.label))
    words = lm.vocabulary(config.vocabulary).words
    often = [word for word in np.unique(judged.word) if (judged.word == word).sum() >= 15]
    by_word = {
        words[word]: [float(right[name][judged.word == word].mean()) for name in ("static", "mix")] for word in often
    }
    return {"accuracy": accuracy, "mixture": mixture, "mixture_sum": float(mixture.sum()), "by_word": by_word}


def word_means(learn: Places, known: np.ndarray, places: Places, size: int) -> np.ndarray:
    """For each place the mean, over its word's occurrences in `learn`, of the top layer: (n, features).

    A word that does not occur there has the mean of all.
    """
    sums, counts = np.zeros((size, known.shape[2])), np.zeros(size)
    np.add.at(sums, learn.word, known[:, -1])
    np.add.at(counts, learn.word, 1)
    table = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], known[:, -1].mean(axis=0))
    return np.asarray(table[places.word].astype(known.dtype))


def on_new_words(
    config: ElmoConfig, seed: Seed, learn: Places, judged: Places, *, known: np.ndarray, new: np.ndarray
) -> dict[str, Any]:
    """Accuracy on ambiguous words that the probe has not learned from, mean over the words.

    The words are dealt into `FOLDS` parts by the seed; a probe that has learned the others answers for each part, where
    the tag is one that the others have.
    """
    index = lm.vocabulary(config.vocabulary).index
    words = np.array([index[word] for word in ambiguous(config.vocabulary)])
    kinds = len(labels(config.vocabulary))
    scores: dict[str, list[float]] = {"static": [], "mix": []}
    for fold, held_out in enumerate(np.array_split(seed.rng("words").permutation(words), FOLDS)):
        first = ~np.isin(learn.word, held_out)
        second = np.isin(judged.word, held_out) & np.isin(judged.label, learn.label[first])
        asked = judged.of(second)
        for name, chosen in (("static", slice(0, 1)), ("mix", slice(None))):
            probe = learn_probe(known[first][:, chosen], learn.label[first], kinds, seed.child("new words", fold, name))
            right = probe.answers(new[second][:, chosen]) == asked.label
            scores[name] += [float(right[asked.word == word].mean()) for word in np.unique(asked.word)]
    return {"new_words": {name: float(np.mean(each)) for name, each in scores.items()}}


def likeness(places: Places, features: np.ndarray) -> dict[str, Any]:
    """Mean cosine of two occurrences of one word at every layer, with the same tag and with different ones.

    The mean over the words with at least two occurrences of each of two tags. `static_spread`: the largest
    difference of a static feature between two occurrences of one word.
    """
    unit = features.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    same, different, spread = [], [], 0.0
    for word in np.unique(places.word):
        here = places.word == word
        spread = largest((spread, np.ptp(features[here, 0], axis=0)))
        groups = [unit[here & (places.label == tag)] for tag in np.unique(places.label[here])]
        groups = [group for group in groups if len(group) >= 2]
        if len(groups) < 2:
            continue
        sums = [group.sum(axis=0) for group in groups]
        within = [((s**2).sum(axis=1) - len(g)) / (len(g) * (len(g) - 1)) for s, g in zip(sums, groups, strict=True)]
        same.append(np.mean(within, axis=0))
        different.append((sums[0] * sums[1]).sum(axis=1) / (len(groups[0]) * len(groups[1])))
    return {
        "static_spread": spread,
        "cosine_same": np.mean(same, axis=0) if same else np.full(features.shape[1], np.nan),
        "cosine_different": np.mean(different, axis=0) if same else np.full(features.shape[1], np.nan),
    }


def pictures(config: ElmoConfig, places: Places, features: np.ndarray) -> dict[str, Any]:
    """For the words of `SHOWN` their first-layer vectors on two principal components, with their tags."""
    index, names = lm.vocabulary(config.vocabulary).index, np.array(labels(config.vocabulary))
    shown = {}
    for word in SHOWN:
        here = np.flatnonzero(places.word == index.get(word, -1))[:150]
        if len(here) >= 3:
            centred = features[here, 1].astype(np.float64) - features[here, 1].mean(axis=0)
            _, _, directions = np.linalg.svd(centred, full_matrices=False)
            shown[word] = {"at": centred @ directions[:2].T, "tags": names[places.label[here]].tolist()}
    return shown


SEARCH = Search(
    space={
        "learning_rate": Range(1e-3, 5e-2, log=True),
        "tokens": Range(128, 2048, log=True),
        "width": Range(16, 128, step=4),
        "layers": Range(1, 3),
    },
    trial=lambda config: Trial(
        "biLM", changed(config, {"probe_examples": 1000, "test_examples": 1000}), 0, Runtime("torch")
    ),
    measure="validation_loss",
    goal="minimize",
    value=lambda result: result.measurements["validation_loss"][1],
)
"""Of the language model, by its loss after training; what is asked of its vectors is kept short."""

LAB = Lab(
    name="elmo",
    summary="word vectors from the sentence: what they tell of the part of speech, compared with one vector per word",
    chapter=13,
    minutes=4,
    config=ElmoConfig,
    quick={"seeds": 3, "steps": 200, "probe_examples": 1500, "test_examples": 800},
    variants={"biLM": {}},
    trials=trial,
    claims=CLAIMS,
    lecture=("context-changes-vectors",),
    figures={
        "part_of_speech": figures.part_of_speech,
        "one_word": figures.one_word,
        "likeness": figures.likeness,
        "by_word": figures.by_word,
    },
    data=("brown",),
    search=SEARCH,
    texts=figures.TEXTS,
)
