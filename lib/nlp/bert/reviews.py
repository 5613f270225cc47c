"""Does a review praise the film? Learned from a few labelled sentences in four ways.

- fine-tuned: MiniLM's upper layers and a linear map learn on from the published weights;
- frozen: logistic regression on the mean of MiniLM's word vectors;
- tf-idf: logistic regression on the words and pairs of words that occur, weighed by how rare they are;
- scratch: a small BERT that starts from chance learns from the labelled sentences alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.data import movie_reviews
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models import minilm
from lib.models.precision import Precision

if TYPE_CHECKING:
    from lib.models.bert_encoder import SentenceClassifier

Arm = Literal["fine-tuned", "frozen", "tf-idf", "scratch"]
TRAINED: tuple[Arm, ...] = ("fine-tuned", "scratch")
ARMS: tuple[Arm, ...] = (*TRAINED, "frozen", "tf-idf")
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Of the logistic regressions' regularisation, inverse: the best one on the validation sentences is taken."""

SMALL = {"width": 128, "layers": 2, "heads": 4, "inner": 512}
"""Of the BERT that starts from chance. MiniLM's own size would take ten times as long."""

Part = Literal["validation", "test"]
MEASURES: dict[Part, str] = {"validation": "validation_accuracy", "test": "accuracy"}


@dataclass(frozen=True)
class Task:
    """The sentences to learn from and to be judged on.

    Attributes:
        labelled: number of labelled sentences.
        judged: number of held-out sentences in each part.
        parts: the parts on which the model is judged; test only at the end.
        longest: word pieces of a sentence; longer ones are cut.
    """

    labelled: int
    judged: int
    parts: tuple[Part, ...]
    longest: int


@dataclass(frozen=True)
class Training:
    """The settings for the arms that are trained.

    Attributes:
        learning_rate: the highest, after the warm-up.
        steps: steps of Adam.
        batch: sentences a step.
        first: the first layer of MiniLM that learns; earlier ones stay as they are.
        precision: precision of its matrix products.
    """

    learning_rate: float
    steps: int
    batch: int
    first: int
    precision: Precision = "float32"


def drawn(seed: Seed, labelled: int) -> list[movie_reviews.Review]:
    """The labelled sentences of a seed: the first ones of a random order, so that the fewer are among the more."""
    train = movie_reviews.train()
    return [train[i] for i in seed.rng("labelled").permutation(len(train))[:labelled]]


def held_out(part: Part, sentences: int) -> list[movie_reviews.Review]:
    """The first sentences of a part, which is in random order: the same for all seeds and arms."""
    return list(getattr(movie_reviews, part)())[:sentences]


def judged(arm: Arm, task: Task, training: Training, seed: Seed, log: Log) -> dict[str, float]:
    """Learn from the seed's labelled sentences; the accuracies on the task's parts, named as in `MEASURES`."""
    if arm in TRAINED:
        return _network(arm, task, training, seed, log)
    train = drawn(seed, task.labelled)
    held: dict[str, list[movie_reviews.Review]] = {part: held_out(part, task.judged) for part in task.parts}
    every: dict[str, list[movie_reviews.Review]] = {"train": train, **held}
    labels = {part: labels_of(reviews) for part, reviews in every.items()}
    vectors: dict[str, Any]
    if arm == "tf-idf":
        from sklearn.feature_extraction.text import TfidfVectorizer

        weigh = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit([text for text, _ in train])
        vectors = {part: weigh.transform([text for text, _ in r]) for part, r in every.items()}
    else:
        vectors = {part: _means(_of_part(part, task.judged, task.longest, minilm.LAYERS)) for part in task.parts}
        vectors["train"] = _means(_below(train, task.longest, minilm.LAYERS))
    return linear_accuracy({part: (vectors[part], labels[part]) for part in vectors}, scaled=arm == "frozen")


def linear_accuracy(parts: dict[str, tuple[Any, np.ndarray]], scaled: bool = True) -> dict[str, float]:
    """Accuracies of a logistic regression on vectors: its regularisation is chosen on validation, test is read once.

    Args:
        parts: "train", "validation" and perhaps "test": vectors (n, d) and labels (n,).
        scaled: bring every feature to mean 0 and deviation 1 over the training part.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [StandardScaler()] if scaled else []
    models = [
        make_pipeline(*steps, LogisticRegression(C=strength, max_iter=2000)).fit(*parts["train"])
        for strength in STRENGTHS
    ]
    validation = [float(model.score(*parts["validation"])) for model in models]
    best = models[int(np.argmax(validation))]
    measurements = {"validation_accuracy": max(validation)}
    if "test" in parts:
        measurements["accuracy"] = float(best.score(*parts["test"]))
    return measurements


def _network(arm: Arm, task: Task, training: Training, seed: Seed, log: Log) -> dict[str, float]:
    import torch

    from lib.models.bert_encoder import Encoder, SentenceClassifier, Size

    train = drawn(seed, task.labelled)
    if arm == "scratch":
        torch.manual_seed(seed.integer("init"))
        encoder = Encoder(Size(vocabulary=minilm.VOCABULARY, context=minilm.CONTEXT, **SMALL))
        first, inputs = 0, _ids(train, task.longest)
        held = {part: _ids(held_out(part, task.judged), task.longest) for part in task.parts}
    else:
        encoder, first = minilm.pretrained(), training.first
        inputs = _below(train, task.longest, first)
        held = {part: _of_part(part, task.judged, task.longest, first) for part in task.parts}
    torch.manual_seed(seed.integer("head"))  # here, as what is cached draws only when it is made
    classifier = SentenceClassifier(encoder, first)
    minilm.fine_tune(
        classifier,
        inputs,
        labels_of(train),
        steps=training.steps,
        batch=training.batch,
        learning_rate=training.learning_rate,
        precision=training.precision,
        seed=seed,
        log=log,
    )
    return {MEASURES[part]: _accuracy(classifier, texts, part) for part, texts in held.items()}


def _accuracy(classifier: SentenceClassifier, texts: Sequence[Any], part: Part) -> float:
    right = minilm.logits_of(classifier, texts).argmax(axis=1) == labels_of(held_out(part, len(texts)))
    return float(np.mean(right))


def labels_of(reviews: Sequence[movie_reviews.Review]) -> np.ndarray:
    """1 where a review praises, else 0: (n,)."""
    return np.array([label for _, label in reviews])


def _ids(reviews: Sequence[movie_reviews.Review], longest: int) -> list[Any]:
    """The sentences as token numbers; what is longer is cut."""
    import torch

    return [torch.from_numpy(ids) for ids in minilm.pieces([text for text, _ in reviews], longest, cut=True)]


def _below(reviews: Sequence[movie_reviews.Review], longest: int, end: int) -> list[Any]:
    """Encode sentences by MiniLM's layers before `end`."""
    return minilm.encoded(_frozen(), minilm.pieces([text for text, _ in reviews], longest, cut=True), end)


@cache
def _of_part(part: Part, sentences: int, longest: int, end: int) -> list[Any]:
    """The same of held-out sentences, which all trials share."""
    return _below(held_out(part, sentences), longest, end)


@cache
def _frozen() -> Any:
    """MiniLM as published; nothing trains this copy."""
    return minilm.pretrained()


def _means(texts: Sequence[Any]) -> np.ndarray:
    """The mean over each sentence's tokens: (n, width)."""
    return np.stack([text.mean(dim=0).numpy() for text in texts])
