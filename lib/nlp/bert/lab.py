"""BERT: a hidden word is easier to guess from both sides, and what was learned by guessing is useful elsewhere.

Trial functions:

- **words** trains a biLM (ELMo), a causal (GPT) or a masked (BERT) language model on the Brown corpus, with as many
  parameters, the same batches and as many steps. Then a word of a new sentence is hidden.
- **reviews** learns from a few labelled sentences whether a film review is good or bad: with MiniLM, a pretrained BERT,
  fine-tuned or frozen, with TF-IDF, or with a BERT trained from scratch.
- **senses** recognises what a word means in a sentence from its vector there.

The small models share one learning rate. Those of the reviews are chosen on validation sentences, of starts and
labelled sentences that no result is taken of; test sentences are read once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best, changed, gather, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.models import language_models as lm
from lib.models.precision import Precision
from lib.nlp.bert import figures
from lib.nlp.bert import reviews as bert_reviews
from lib.nlp.bert import senses as bert_senses
from lib.nlp.bert import words as bert_words
from lib.nlp.bert.claims import CLAIMS

Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=10, le=5000)]

KINDS: tuple[lm.Kind, ...] = ("bilm", "causal", "masked")

GRID_SEED = 1000
"""The seeds of the trials that choose begin here, so that none of them is a final's."""


class BertConfig(Config):
    """Settings of the whole lab; the last five tell the trials apart."""

    seeds: int = Field(3, ge=1, le=GRID_SEED, description="of small models: a start of all three takes ten minutes")
    pretrained_seeds: int = Field(
        3, ge=1, le=GRID_SEED, description="of labelled sentences: fine-tuning takes a minute for each"
    )
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    vocabulary: int = Field(2000, ge=100, le=20_000, description="four in five words of the corpus are among them")
    width: int = Field(64, ge=8, le=512, multiple_of=4, description="of vectors; small, so that a start takes seconds")
    layers: int = Field(2, ge=1, le=12, description="the fewest with which a word sees what others have seen")
    steps: int = Field(
        2000, ge=1, le=1_000_000, description="of the small models; the masked one sees little context for half of them"
    )
    tokens: int = Field(2048, ge=16, le=65_536, description="a step's: some ninety sentences of one length")
    masked_share: float = Field(0.15, gt=0, le=1, description="share of words that the masked model guesses: BERT's")
    word_rates: tuple[Rate, ...] = Field(
        (3e-3,), min_length=1, description="at which the masked model learned soonest; of several each takes its best"
    )
    hidden: int = Field(2000, ge=10, le=10_000, description="new sentences in which a word is hidden")
    labelled: tuple[Count, ...] = Field((50, 200, 800), min_length=1, description="few: where pretraining should count")
    longest: int = Field(48, ge=8, le=512, description="word pieces of a review: one in thirty is longer, and is cut")
    judged: int = Field(500, ge=10, le=900, description="held-out reviews, as MiniLM reads a hundred a second")
    first: int = Field(3, ge=0, le=5, description="MiniLM's first layer that learns: the lower half stays, for speed")
    review_batch: int = Field(16, ge=1, le=256, description="reviews a step, as usual in fine-tuning")
    review_epochs: int = Field(2, ge=1, le=100, description="more does not help with many labelled sentences")
    fewest_steps: int = Field(
        40, ge=1, le=10_000, description="with few sentences there are more epochs: Mosbach et al. 2021"
    )
    fine_tune_rates: tuple[Rate, ...] = Field(
        (1e-4, 3e-4), min_length=1, description="above BERT's own 5e-5, as there are few steps and half the layers"
    )
    precision: Precision = Field(
        "float32", description="of matrix products where reviews are learned; bfloat16 pays on GPUs with large networks"
    )
    scratch_rates: tuple[Rate, ...] = Field((3e-4, 1e-3), min_length=1, description="usual for a start from chance")
    scratch_longer: int = Field(4, ge=1, le=100, description="times as many steps from scratch, as those are cheap")
    probe: int = Field(800, ge=10, le=5000, description="labelled reviews for the small models' vectors")
    shown: int = Field(4, ge=1, le=bert_senses.EACH - 1, description="sentences of each meaning that are shown")
    draws: int = Field(4, ge=1, le=100, description="of the shown sentences, for each seed")
    kind: lm.Kind = Field("masked", description="which small model; set by the study")
    arm: bert_reviews.Arm = Field("frozen", description="how reviews are learned; set by the study")
    examples: Count = Field(50, description="labelled sentences of a trial; set by the study")
    learning_rate: Rate = Field(1e-3, description="of a trial that trains; chosen by the study")
    final: bool = Field(True, description="whether the test sentences are read; set by the study")

    @property
    def shape(self) -> lm.Shape:
        """Of the small models."""
        return lm.Shape(self.vocabulary, self.width, self.layers)


def words(config: BertConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one of the small models. How well it guesses hidden words; what a linear map finds in its vectors."""
    network = lm.build(config.kind, config.shape, seed)
    train_on = lm.sentences("train", config.shape)
    losses = lm.train(
        network,
        train_on,
        steps=config.steps,
        tokens=config.tokens,
        learning_rate=config.learning_rate,
        seed=seed,
        log=log,
        share=config.masked_share,
    )
    measurements: dict[str, Any] = {
        "parameters": lm.parameter_count(network),
        "first_loss": losses[0],
        "validation": bert_words.guessed(network, "validation", config.shape, "middle", config.hidden),
    }
    if not config.final:
        return measurements
    log.parameters(lm.weights(network))
    own, around = bert_words.sense_vectors(network, config.shape)
    reviews = {
        "train": bert_reviews.drawn(seed, config.probe),
        "validation": bert_reviews.held_out("validation", config.judged),
        "test": bert_reviews.held_out("test", config.judged),
    }
    vectors = {
        part: (bert_words.review_vectors(network, rated, config.shape), bert_reviews.labels_of(rated))
        for part, rated in reviews.items()
    }
    return measurements | {
        "test": {
            place: bert_words.guessed(network, "test", config.shape, place, config.hidden)
            for place in bert_words.PLACES
        },
        "filled": [bert_words.filled(network, blank, config.shape) for blank in bert_words.BLANKS],
        "review_accuracy": bert_reviews.linear_accuracy(vectors)["accuracy"],
        "senses": bert_senses.all_recognised(own, config.shown, config.draws, seed),
        "around": bert_senses.all_recognised(around, config.shown, config.draws, seed),
    }


def steps_of(config: BertConfig) -> int:
    """Steps of a trial that learns reviews."""
    epochs = -(-config.examples // config.review_batch) * config.review_epochs
    steps = max(config.fewest_steps, epochs)
    return steps * config.scratch_longer if config.arm == "scratch" else steps


def reviews(config: BertConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Learn from the first labelled sentences of the seed; accuracies on validation and, at the end, test."""
    parts: tuple[bert_reviews.Part, ...] = ("validation", "test") if config.final else ("validation",)
    task = bert_reviews.Task(config.examples, config.judged, parts, config.longest)
    training = bert_reviews.Training(
        config.learning_rate, steps_of(config), config.review_batch, config.first, config.precision
    )
    return dict(bert_reviews.judged(config.arm, task, training, seed, log))


SHOWN_LAYER = 4
"""Of MiniLM, in the picture of one word: the last ones lean towards the whole sentence, for which they were tuned."""


def senses(config: BertConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Meanings recognised from MiniLM's vectors at every layer and from those of the words around."""
    own, around = bert_senses.minilm_vectors()
    layers = next(iter(own.values())).shape[1]
    by_layer = [
        bert_senses.all_recognised({w: v[:, layer] for w, v in own.items()}, config.shown, config.draws, seed)
        for layer in range(layers)
    ]
    return {
        "by_layer": by_layer,
        "senses": by_layer[-1],
        "around": bert_senses.all_recognised(around, config.shown, config.draws, seed),
        "bank": _plane(own["bank"][:, SHOWN_LAYER]),
        "bank_static": _plane(own["bank"][:, 0]),
    }


def _plane(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) in the plane of their two main directions: (n, 2)."""
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(u[:, :2] * s[:2])


TORCH = Runtime("torch")


def study(config: BertConfig) -> Study:
    """Learning rates first, for each small model and for each way to train on reviews; then all finals."""
    grid = yield from gather(batches(_grid(config), config.batch))
    rates = {name: _chosen(grid, name, rivals) for name, rivals in _rates(config).items()}
    yield from batches(_finals(config, rates), config.batch)


def _rates(config: BertConfig) -> dict[str, tuple[float, ...]]:
    """The learning rates to choose from, by what is trained; what takes long first."""
    arms = {"fine-tuned": config.fine_tune_rates, "scratch": config.scratch_rates}
    return {**arms, **dict.fromkeys(KINDS, config.word_rates)}


def _chosen(grid: Sequence[Result], name: str, rivals: Sequence[float]) -> float:
    """The best of the learning rates; one without a rival needs no trial."""
    if len(rivals) == 1:
        return rivals[0]
    winner = best([result for result in grid if result.trial.variant.startswith(f"grid/{name}/")], _score)
    return float(winner.trial.config.model_dump()["learning_rate"])


def _score(result: Result) -> float:
    """Of a trial of the grid, on validation sentences; lower is better."""
    measurements = result.measurements
    if "validation" in measurements:
        return float(measurements["validation"]["nats"])
    return -float(measurements["validation_accuracy"])


def _grid(config: BertConfig) -> Iterator[Trial]:
    """The trials that choose."""
    middle = sorted(config.labelled)[len(config.labelled) // 2]
    for name, rates in _rates(config).items():
        settings: dict[str, Any] = {"kind": name} if name in KINDS else {"arm": name, "examples": middle}
        function = "words" if name in KINDS else "reviews"
        for rate in rates if len(rates) > 1 else ():
            changes = {**settings, "learning_rate": rate, "final": False}
            yield Trial(f"grid/{name}/{rate:g}", changed(config, changes), GRID_SEED, TORCH, function)


def _finals(config: BertConfig, rates: Mapping[str, float]) -> Iterator[Trial]:
    """The trials of which the results are taken: those that take long first."""
    for seed in range(config.seeds):
        for kind in KINDS:
            settings = {"kind": kind, "learning_rate": rates[kind]}
            yield Trial(kind, changed(config, settings), seed, TORCH, "words")
    for seed in range(config.pretrained_seeds):
        for examples in sorted(config.labelled, reverse=True):
            for arm in bert_reviews.ARMS:
                changes: dict[str, Any] = {"arm": arm, "examples": examples}
                changes |= {"learning_rate": rates[arm]} if arm in rates else {}
                yield Trial(f"{arm}/{examples}", changed(config, changes), seed, TORCH, "reviews")
    for seed in range(config.seeds):
        yield Trial("minilm", config, seed, TORCH, "senses")


SEARCH = Search(
    space={
        "learning_rate": Range(5e-4, 2e-2, log=True),
        "tokens": Range(256, 4096, log=True),
        "masked_share": Range(0.05, 0.5),
        "layers": Range(1, 4),
    },
    trial=lambda config: Trial(
        "masked",
        changed(config, {"kind": "masked", "final": False, "steps": max(1, config.steps // 4)}),
        0,
        TORCH,
        "words",
    ),
    measure="validation_nats",
    goal="minimize",
    value=lambda result: result.measurements["validation"]["nats"],
    adopt=joins("learning_rate", "word_rates"),
)
"""Of the masked model, for a quarter of its steps, by the words hidden in new sentences."""

LAB = Lab(
    name="bert",
    summary="guessing hidden words from one side and from both, and what a pretrained model gains where labels are few",
    chapter=15,
    minutes=22,
    config=BertConfig,
    quick={
        "seeds": 3,
        "steps": 150,
        "tokens": 512,
        "hidden": 500,
        "labelled": (50,),
        "fewest_steps": 12,
        "fine_tune_rates": (3e-4,),
        "scratch_rates": (1e-3,),
        "judged": 200,
        "probe": 300,
    },
    study=study,
    trials={"words": words, "reviews": reviews, "senses": senses},
    claims=CLAIMS,
    lecture=("both-sides",),
    figures={
        "hidden-word": figures.hidden_word,
        "blanks": figures.blanks,
        "reviews": figures.reviews,
        "senses": figures.senses,
        "bank": figures.bank,
    },
    data=("brown", "movie_reviews", "minilm"),
    search=SEARCH,
    texts=figures.TEXTS,
)
