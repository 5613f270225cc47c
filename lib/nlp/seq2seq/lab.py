"""The encoder-decoder: one network reads a word or a sentence, another one writes its sounds or its translation.

Two tasks, the spelling of English words to their phonemes and short English sentences to Korean, each by the same GRUs
with attention and without (`lib.nlp.seq2seq.model`), from the same seeds and with the same batches. The learning rates
are chosen on validation words, with a seed of their own; the test words and sentences are read once, at the end.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.data import phonemes
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best, changed, gather, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.nlp.seq2seq import figures
from lib.nlp.seq2seq.answers import MOST_PHONEMES, attention_map, teacher_forced, write
from lib.nlp.seq2seq.claims import CLAIMS
from lib.nlp.seq2seq.measures import bleu, by_length, error_rates, letter_sounds, nearest, spelled_out
from lib.nlp.seq2seq.sentences import KOREAN, SENTENCES
from lib.nlp.seq2seq.text import KOREAN_SYMBOLS, Examples, Text, sentences, words
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
    """Settings of the whole lab; the last four tell the trials apart and are set by the study."""

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
    task: Literal["words", "sentences"] = Field("words", description="what a trial learns")
    attention: bool = Field(True, description="whether a trial's network has it")
    purpose: Literal["judge", "tune", "memory"] = Field(
        "judge", description="of a trial: to be judged on test data, to choose its rate, or to look up the most similar"
    )
    rate: Rate = Field(0.01, description="a trial's learning rate at the first step; it falls to 0")


def text_of(config: Seq2seqConfig) -> Text:
    """The task's examples."""
    if config.task == "sentences":
        return sentences(config.sentences, config.validated, config.tested_sentences)
    return words(config.words, SHORTEST, LONGEST, config.validated, config.tested)


def network(config: Seq2seqConfig, text: Text, seed: Seed) -> EncoderDecoder:
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
        dropout=config.dropout if config.task == "sentences" else 0,
    )


def trial(config: Seq2seqConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train a network once and measure what it writes for new words or sentences; or what a memory writes."""
    text = text_of(config)
    if config.purpose == "memory":
        return memory(config, text)
    from lib.nlp.seq2seq.model import parameter_count

    model = network(config, text, seed)
    of_words = config.task == "words"
    epochs, batch = (1, config.word_batch) if of_words else (config.sentence_epochs, config.sentence_batch)
    path: dict[str, list[float]] = {"seen": [], "loss": [], "validation_loss": [], "validation_errors": []}
    for seen, losses in train(model, text.train, seed, epochs=epochs, batch=batch, rate=config.rate, looks=LOOKS):
        there = teacher_forced(model, text.validation)
        path["seen"].append(seen)
        path["loss"].append(float(losses.mean(dtype=np.float64)))
        path["validation_loss"].append(there["loss"])
        path["validation_errors"].append(there["errors"])
        log(seen, loss=path["loss"][-1], validation_loss=there["loss"], losses=losses)
    log.parameters({name: p.detach().numpy() for name, p in model.named_parameters()})
    found = {"parameters": parameter_count(model), "path": path, "validation_loss": path["validation_loss"][-1]}
    if config.purpose == "tune":
        return found
    return found | (judged_words(config, model, text.test) if of_words else judged_sentences(config, model, text.test))


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
    found: dict[str, Any] = {
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
    found["beam"] = {
        "width": list(searched),
        "wrong": [error_rates(answers.symbols, right)["wrong"] for answers in searched.values()],
        "log_probability": [float(answers.log_probability.mean()) for answers in searched.values()],
    }
    return found


@cache
def shown_words() -> dict[str, tuple[str, ...]]:
    """The phonemes of the words of the picture."""
    return {word: said for word, said in phonemes.test() if word in figures.WORDS}


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


def memory(config: Seq2seqConfig, text: Text) -> dict[str, Any]:
    """What one gets without a network: the answer of the most similar source that is known, or a phoneme a letter."""
    if config.task == "sentences":
        test = text.test.pairs
        places = nearest([source for source, _ in test], [source for source, _ in text.train.pairs])
        copied = [text.train.pairs[place][1] for place in places]
        right = [target for _, target in test]
        return {"bleu": bleu(copied, right), "wrong": error_rates(copied, right)["wrong"], "known": len(text.train)}
    test = [pair for pair in text.test.pairs if len(pair[0]) <= LONGEST]
    places = nearest([source for source, _ in test], [source for source, _ in text.train.pairs])
    right = [target for _, target in test]
    copied = [text.train.pairs[place][1] for place in places]
    sounds = letter_sounds(text.train.pairs)
    letterwise = [spelled_out(source, sounds) for source, _ in test]
    return {
        "by_length": by_length(copied, test, range(SHORTEST, LONGEST + 1)),
        **{f"copied_{name}": value for name, value in error_rates(copied, right).items()},
        **{f"letterwise_{name}": value for name, value in error_rates(letterwise, right).items()},
        "copied": [list(answer) for answer in copied[:SHOWN]],
    }


ARMS = {"with": True, "without": False}


def study(config: Seq2seqConfig) -> Study:
    """The learning rate of each arm on words, with a seed of its own; then both tasks and arms with every seed."""
    rates = yield from chosen_rates(config)
    runtime = Runtime("torch")
    trials = []
    for task, seeds in (("sentences", config.sentence_seeds), ("words", config.seeds)):
        for arm, attention in ARMS.items():
            settings = changed(config, {"task": task, "attention": attention, "rate": rates[arm]})
            trials += [Trial(f"{task}/{arm}", settings, seed, runtime) for seed in range(seeds)]
    for task in ("words", "sentences"):
        trials.append(Trial(f"{task}/memory", changed(config, {"task": task, "purpose": "memory"}), 0, runtime))
    yield from batches(sorted(trials, key=lambda trial: trial.seed), config.batch)


def chosen_rates(config: Seq2seqConfig) -> Generator[list[Trial], list[Result], dict[str, float]]:
    """For each arm the rate with the lowest loss on validation words."""
    if len(config.rates) == 1:
        return dict.fromkeys(ARMS, config.rates[0])
    tuning = changed(config, {"purpose": "tune", "words": min(config.tuning_words, config.words)})
    trials = []
    for arm, attention in ARMS.items():
        for rate in config.rates:
            settings = changed(tuning, {"attention": attention, "rate": rate})
            trials.append(Trial(f"rate/{arm}/{rate:g}", settings, config.seeds, Runtime("torch")))
    results = yield from gather(batches(trials, config.batch))
    return {arm: _best_rate([r for r in results if r.trial.variant.startswith(f"rate/{arm}/")]) for arm in ARMS}


def _best_rate(results: list[Result]) -> float:
    chosen = best(results, lambda result: float(result.measurements["validation_loss"]))
    return float(chosen.trial.variant.rpartition("/")[2])


SEARCH = Search(
    space={
        "rate": Range(1e-3, 1e-1, log=True),
        "word_batch": Range(16, 256, log=True),
        "width": Range(32, 128, step=2),
        "embedding": Range(16, 96),
    },
    trial=lambda config: Trial(
        "words/with",
        changed(config, {"attention": True, "purpose": "tune", "words": min(config.tuning_words, config.words)}),
        0,
        Runtime("torch"),
    ),
    measure="validation_loss",
    goal="minimize",
    reported="validation_loss",
    adopt=joins("rate", "rates"),
)
"""Of the network with attention that learns how words are said."""

LAB = Lab(
    name="seq2seq",
    summary="one network reads, another writes: attention carries what a single vector cannot, the longer the more",
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
    trials=trial,
    claims=CLAIMS,
    figures={
        "attention": figures.attention,
        "length": figures.length,
        "learning": figures.learning,
        "translation": figures.translation,
        "answers": figures.answers,
    },
    data=("phonemes", "english_korean"),
    search=SEARCH,
    sentences=SENTENCES,
    korean=KOREAN,
)
