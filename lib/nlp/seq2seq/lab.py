"""The encoder-decoder: one network reads a word or a sentence, another one writes its pronunciation or its translation.

Two tasks, from the spelling of English words to their phonemes and from short English sentences to Korean, each by the
same GRUs with attention and without (`lib.nlp.seq2seq.model`), from the same seeds and with the same batches. Learning
rates are chosen on validation words, with a seed of their own; test words and sentences are read once, at the end.

Trial functions: **tune** learns words and reports the validation loss; **words** and **sentences** learn their task and
are judged on test data; **words-memory** and **sentences-memory** answer with what a memory has, without a network.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.data import phonemes
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.nlp.seq2seq import figures
from lib.nlp.seq2seq.answers import MOST_PHONEMES, attention_map, teacher_forced, write
from lib.nlp.seq2seq.claims import CLAIMS
from lib.nlp.seq2seq.figures import TEXTS
from lib.nlp.seq2seq.measures import bleu, by_length, error_rates, letter_sounds, nearest, spelled_out
from lib.nlp.seq2seq.text import KOREAN_SYMBOLS, Examples, Pair, Text, sentences, words
from lib.nlp.seq2seq.training import train

if TYPE_CHECKING:
    from lib.nlp.seq2seq.model import EncoderDecoder

Rate = Annotated[float, Field(gt=0, le=1)]
Width = Annotated[int, Field(ge=1, le=64)]
SHORTEST, LONGEST = 3, 12
"""Letters of the words that are learned."""
SHOWN = 40  # of the test words: for the table of examples
LOOKS = 6


class Seq2seqConfig(Config):
    """Settings of the whole lab; the last two tell the trials apart and are set by the study."""

    seeds: int = Field(5, ge=1, le=1000, description="5 pairs are the fewest whose 95 % interval says something")
    sentence_seeds: int = Field(3, ge=1, le=1000, description="sentences cost three times what words do")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    words: int = Field(
        30_000, ge=10, le=200_000, description="learned once each: a new word teaches more than one seen before"
    )
    tested: int = Field(2000, ge=10, le=20_000, description="test words: an error is then known to a hundredth")
    tested_sentences: int = Field(1000, ge=10, le=10_000, description="all short ones of the test part, some 770")
    sentences: int = Field(10_000, ge=10, le=100_000, description="learned: all 6,155 short ones of the training part")
    validated: int = Field(
        400, ge=10, le=10_000, description="words or sentences to choose a rate on and to follow the learning"
    )
    sentence_epochs: int = Field(4, ge=1, le=1000, description="the 6,000 sentences are few, so they are read again")
    rates: tuple[Rate, ...] = Field(
        (0.005, 0.01, 0.02), min_length=1, description="Adam's, to choose from for each arm; one: nothing is chosen"
    )
    tuning_words: int = Field(10_000, ge=10, le=200_000, description="for a rate: enough to tell good from bad ones")
    score: Literal["dot", "general", "additive"] = Field(
        "dot", description="how attention compares; dot has no parameters, so both arms have exactly as many"
    )
    width: int = Field(96, ge=2, le=1024, multiple_of=2, description="state of the GRUs: 40 ms a step on one core")
    embedding: int = Field(48, ge=1, le=1024, description="numbers for a symbol: half of the state")
    word_batch: int = Field(64, ge=1, le=4096, description="words of a step: small, as each word is seen once")
    sentence_batch: int = Field(32, ge=1, le=4096, description="sentences of a step: there are few")
    dropout: float = Field(0.1, ge=0, lt=1, description="for the sentences, which are seen again and again")
    beams: tuple[Width, ...] = Field((2, 4, 8), min_length=1, description="beginnings kept; 1, greedy, is always there")
    attention: bool = Field(True, description="whether a trial's network has it")
    rate: Rate = Field(0.01, description="a trial's learning rate at the first step; it falls to 0")


def words_of(config: Seq2seqConfig) -> Text:
    """The words and their phonemes."""
    return words(config.words, SHORTEST, LONGEST, config.validated, config.tested)


def sentences_of(config: Seq2seqConfig) -> Text:
    """The English sentences and their Korean translations."""
    return sentences(config.sentences, config.validated, config.tested_sentences)


def network(config: Seq2seqConfig, text: Text, seed: Seed, dropout: float = 0) -> EncoderDecoder:
    """The untrained network; its weights depend on the seed alone."""
    import torch

    from lib.nlp.seq2seq.model import EncoderDecoder

    torch.manual_seed(seed.integer("weights"))
    return EncoderDecoder(
        len(text.train.sources),
        len(text.train.targets),
        embedding=config.embedding,
        width=config.width,
        score=config.score if config.attention else "none",
        dropout=dropout,
    )


def learn(
    model: EncoderDecoder, text: Text, seed: Seed, log: Log, *, epochs: int, batch: int, rate: float
) -> dict[str, Any]:
    """Train a network once. Returns its number of `parameters`, the `path` of its losses and the last of them."""
    from lib.nlp.seq2seq.model import parameter_count

    path: dict[str, list[float]] = {"seen": [], "loss": [], "validation_loss": [], "validation_errors": []}
    for seen, losses in train(model, text.train, seed, epochs=epochs, batch=batch, rate=rate, looks=LOOKS):
        validated = teacher_forced(model, text.validation)
        path["seen"].append(seen)
        path["loss"].append(float(losses.mean(dtype=np.float64)))
        path["validation_loss"].append(validated["loss"])
        path["validation_errors"].append(validated["errors"])
        log(seen, loss=path["loss"][-1], validation_loss=validated["loss"], losses=losses)
    log.parameters({name: p.detach().numpy() for name, p in model.named_parameters()})
    return {"parameters": parameter_count(model), "path": path, "validation_loss": path["validation_loss"][-1]}


def learn_words(config: Seq2seqConfig, seed: Seed, log: Log) -> tuple[EncoderDecoder, Text, dict[str, Any]]:
    """A network that has learned words, those words, and what `learn` returns."""
    text = words_of(config)
    model = network(config, text, seed)
    return model, text, learn(model, text, seed, log, epochs=1, batch=config.word_batch, rate=config.rate)


def tune(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Learn words to choose a learning rate; nothing is read of test data."""
    return learn_words(config, seed, log)[2]


def pronunciation(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Learn words and judge the answers to test words."""
    model, text, learned = learn_words(config, seed, log)
    return learned | judged_words(config, model, text.test)


def translation(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Learn sentences and judge the translations of test sentences."""
    text = sentences_of(config)
    model = network(config, text, seed, config.dropout)
    epochs, batch = config.sentence_epochs, config.sentence_batch
    learned = learn(model, text, seed, log, epochs=epochs, batch=batch, rate=config.rate)
    return learned | judged_sentences(config, model, text.test)


def part(examples: Examples, places: list[int]) -> Examples:
    """Some of the examples."""
    return Examples([examples.pairs[place] for place in places], examples.sources, examples.targets)


def judged_words(config: Seq2seqConfig, model: EncoderDecoder, test: Examples) -> dict[str, Any]:
    """Error rates on test words: greedy, by length, by the width of the beam, with the right phonemes given."""
    lengths = [len(source) for source, _ in test.pairs]
    known = part(test, [place for place, length in enumerate(lengths) if length <= LONGEST])
    longer = part(test, [place for place, length in enumerate(lengths) if length > LONGEST])
    right = [target for _, target in known.pairs]
    right_of = shown_words()
    greedy = write(model, known, 1, MOST_PHONEMES)
    beyond = write(model, longer, 1, MOST_PHONEMES)
    forced = teacher_forced(model, known)
    measured: dict[str, Any] = {
        **error_rates(greedy.symbols, right),
        "by_length": by_length(greedy.symbols, known.pairs, range(SHORTEST, LONGEST + 1)),
        "beyond": error_rates(beyond.symbols, [target for _, target in longer.pairs])["errors"],
        "forced": forced,
        "examples": [
            {"source": "".join(source), "right": list(target), "answer": list(greedy.symbols[place])}
            for place, (source, target) in enumerate(known.pairs[:SHOWN])
        ],
        "maps": [
            attention_map(model, tuple(word), test.sources, test.targets, MOST_PHONEMES)
            | {"right": list(right_of[word])}
            for word in figures.WORDS
        ],
    }
    searched = {1: greedy} | {width: write(model, known, width, MOST_PHONEMES) for width in config.beams}
    measured["beam"] = {
        "width": list(searched),
        "wrong": [error_rates(answers.symbols, right)["wrong"] for answers in searched.values()],
        "log_probability": [float(answers.log_probability.mean()) for answers in searched.values()],
    }
    return measured


@cache
def shown_words() -> dict[str, tuple[str, ...]]:
    """The phonemes of the words of the figure."""
    return {word: sounds for word, sounds in phonemes.test() if word in figures.WORDS}


def judged_sentences(config: Seq2seqConfig, model: EncoderDecoder, test: Examples) -> dict[str, Any]:
    """BLEU and exact match on test sentences, greedy and with the narrowest beam; one sentence with its attention."""
    right = [target for _, target in test.pairs]
    greedy, beam = (write(model, test, width, KOREAN_SYMBOLS + 10) for width in (1, config.beams[0]))
    shown = shown_sentence(test)
    return {
        "bleu": bleu(greedy.symbols, right),
        "beam_bleu": bleu(beam.symbols, right),
        "wrong": error_rates(greedy.symbols, right)["wrong"],
        "bleu_by_length": [bleu([greedy.symbols[i] for i in some], [right[i] for i in some]) for some in thirds(test)],
        "forced": teacher_forced(model, test),
        "examples": [
            {"source": " ".join(source), "right": "".join(target), "answer": "".join(greedy.symbols[place])}
            for place, (source, target) in enumerate(test.pairs[:SHOWN])
        ],
        "map": attention_map(model, test.pairs[shown][0], test.sources, test.targets, KOREAN_SYMBOLS + 10),
    }


def thirds(examples: Examples) -> list[list[int]]:
    """The places of the third with the shortest sources, of the middle one and of that with the longest."""
    lengths = [len(source) for source, _ in examples.pairs]
    return [chosen.tolist() for chosen in np.array_split(np.argsort(lengths, kind="stable"), 3)]


def shown_sentence(examples: Examples) -> int:
    """The first sentence of 6 to 9 tokens of which the network knows every word."""
    fits = (
        place
        for place, (source, _) in enumerate(examples.pairs)
        if 6 <= len(source) <= 9 and all(word in examples.sources for word in source)
    )
    return next(fits, 0)


def remembered_sentences(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """BLEU and exact match without a network: the translation of the most similar sentence that is known."""
    text = sentences_of(config)
    copied, right = copied_answers(text.test.pairs, text.train.pairs)
    return {"bleu": bleu(copied, right), "wrong": error_rates(copied, right)["wrong"], "known": len(text.train)}


def remembered_words(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Error rates without a network: the phonemes of the most similar word that is known, or a phoneme a letter."""
    text = words_of(config)
    test = [pair for pair in text.test.pairs if len(pair[0]) <= LONGEST]
    copied, right = copied_answers(test, text.train.pairs)
    sounds = letter_sounds(text.train.pairs)
    letterwise = [spelled_out(source, sounds) for source, _ in test]
    return {
        "by_length": by_length(copied, test, range(SHORTEST, LONGEST + 1)),
        **{f"copied_{name}": value for name, value in error_rates(copied, right).items()},
        **{f"letterwise_{name}": value for name, value in error_rates(letterwise, right).items()},
        "copied": [list(answer) for answer in copied[:SHOWN]],
    }


def copied_answers(test: Sequence[Pair], known: Sequence[Pair]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """For each test pair the answer of the known pair with the most similar source, and the right answer."""
    places = nearest([source for source, _ in test], [source for source, _ in known])
    return [known[place][1] for place in places], [target for _, target in test]


ARMS = {"with": True, "without": False}


def study(config: Seq2seqConfig) -> Study:
    """The learning rate of each arm on words, with a seed of its own; then both tasks and arms with every seed."""
    rates = yield from chosen_rates(config)
    runtime = Runtime("torch")
    trials = []
    for task, seeds in (("sentences", config.sentence_seeds), ("words", config.seeds)):
        for arm, attention in ARMS.items():
            settings = changed(config, {"attention": attention, "rate": rates[arm]})
            trials += [Trial(f"{task}/{arm}", settings, seed, runtime, task) for seed in range(seeds)]
    for task in ("words", "sentences"):
        trials.append(Trial(f"{task}/memory", config, 0, runtime, f"{task}-memory"))
    yield from batches(sorted(trials, key=lambda trial: trial.seed), config.batch)


def chosen_rates(config: Seq2seqConfig) -> Generator[list[Trial], list[Result], dict[str, float]]:
    """For each arm the rate with the lowest loss on validation words."""
    variants = {arm: {rate: f"grid/{arm}/{rate:g}" for rate in sorted(config.rates)} for arm in ARMS}
    trials = []
    for arm, attention in ARMS.items():
        for rate, variant in variants[arm].items() if len(variants[arm]) > 1 else ():
            settings = changed(tuned(config), {"attention": attention, "rate": rate})
            trials.append(Trial(variant, settings, grid_seed(), Runtime("torch"), "tune"))
    results = yield from gather(batches(trials, config.batch))
    return {arm: best_mean(results, variants[arm], lambda r: r.measurements["validation_loss"]) for arm in ARMS}


def tuned(config: Seq2seqConfig) -> Seq2seqConfig:
    """The config of trials that choose a rate: they learn fewer words."""
    return changed(config, {"words": min(config.tuning_words, config.words)})


SEARCH = Search(
    space={
        "rate": Range(1e-3, 1e-1, log=True),
        "word_batch": Range(16, 256, log=True),
        "width": Range(32, 128, step=2),
        "embedding": Range(16, 96),
    },
    trial=lambda config: Trial(
        "words/with",
        changed(tuned(config), {"attention": True}),
        0,
        Runtime("torch"),
        "tune",
    ),
    measure="validation_loss",
    goal="minimize",
    reported="validation_loss",
    adopt=joins("rate", "rates"),
)
"""Searches for the settings of the network with attention that learns words."""

LAB = Lab(
    name="seq2seq",
    summary="one network reads, another writes: what attention adds to a single vector, by the length of the word",
    chapter=12,
    minutes=4,
    config=Seq2seqConfig,
    quick={
        "seeds": 3,
        "words": 10_000,
        "tested": 600,
        "tested_sentences": 250,
        "rates": (0.01,),
        "sentences": 2000,
        "validated": 200,
        "sentence_epochs": 1,
        "beams": (4,),
    },
    study=study,
    trials={
        "tune": tune,
        "words": pronunciation,
        "sentences": translation,
        "words-memory": remembered_words,
        "sentences-memory": remembered_sentences,
    },
    claims=CLAIMS,
    lecture=("encoder-decoder",),
    figures={
        "attention": figures.attention,
        "length": figures.length,
        "learning": figures.learning,
        "translation": figures.translation,
        "answers": figures.answers,
    },
    data=("phonemes", "english_korean"),
    search=SEARCH,
    texts=TEXTS,
)
