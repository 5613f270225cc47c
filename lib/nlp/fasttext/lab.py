"""FastText: words made of pieces, so that a word with a typo, or one never seen, has a vector too.

Trial functions: **ours** trains skip-gram by hand (`lib.nlp.fasttext.subwords`), with whole words or with subwords, and
**gensim** trains gensim's, on the Brown corpus and film reviews without their labels, with the same settings. All are
measured on the same misspellings that people made. The fair peer of FastText is not word2vec alone, which knows no
misspelling, but word2vec with the nearest spelling. **korean** has whole words, syllables or their letters, jamo, as
pieces, and typos made on the keyboard; its text is small, 130,000 words of an office program's help.

Nothing is chosen on data that is reported: misspellings and film sentences are test splits, WordSim-353 is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from lib.data import misspellings
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.nlp.fasttext import figures, measures
from lib.nlp.fasttext import text as texts
from lib.nlp.fasttext.claims import CLAIMS
from lib.nlp.fasttext.figures import TEXTS
from lib.nlp.fasttext.jamo import spelled
from lib.nlp.fasttext.peers import gensim_vectors
from lib.nlp.fasttext.subwords import WHOLE_WORDS, NGrams, Settings, Vocabulary, WordVectors, train_skip_gram
from lib.nlp.fasttext.typos import KEY_ERRORS, mistyped

Pieces = Literal["words", "subwords", "syllables", "jamo"]
VARIANTS: Mapping[str, Pieces] = {
    "gensim/words": "words",
    "gensim/subwords": "subwords",
    "ours/subwords": "subwords",
    "ours/words": "words",
    "korean/jamo": "jamo",
    "korean/syllables": "syllables",
    "korean/words": "words",
}
"""The variants, each named by its trial function and its pieces, in the order in which they run: the longest first."""
NEVER_SEEN = ("computerize", "unfriendliness", "televisions", "nonviolently", "unemployable", "presidnet")
"""In none of the text; the last is a typo."""
KOREAN_LENGTHS = {"syllables": (1, 4), "jamo": (3, 6)}
"""Letters of an n-gram: up to four syllables; one syllable has three letters (Park et al. 2018)."""


class FastTextConfig(Config):
    """Settings of the whole lab; `pieces` tells the trials apart."""

    seeds: int = Field(3, ge=1, le=1000, description="few, as the models of one seed take minutes of a core")
    framework: Literal["torch"] = Field("torch", description="the lab is written in torch, its peer in C (gensim)")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    pieces: Pieces = Field("subwords", description="the pieces that words are made of; set by the study")
    text: float = Field(1.0, gt=0, le=1, description="share of the training text, 950,000 words; all, as it is small")
    at_least: int = Field(5, ge=1, le=100, description="times that a word must occur to be learned; word2vec's default")
    dimensions: int = Field(
        64, ge=2, le=1000, description="numbers a word; the papers have 100 to 300 for far more text"
    )
    window: int = Field(5, ge=1, le=20, description="words to each side; word2vec's default")
    negatives: int = Field(5, ge=1, le=50, description="noise words a pair; word2vec's default")
    frequent: float = Field(1e-3, gt=0, le=1, description="share from which on a word is thinned out; gensim's default")
    epochs: int = Field(5, ge=1, le=100, description="times through the text; word2vec's default")
    learning_rate: float = Field(
        0.1, gt=0, le=10, description="of plain descent; on validation typos and sentences no worse than 0.05 in either"
    )
    pairs: int = Field(512, ge=1, le=1_000_000, description="word pairs a step; with 2,048 their sum overshoots")
    noise_words: int = Field(256, ge=1, le=10_000, description="noise words that a batch shares; each pair meets all")
    shortest: int = Field(3, ge=1, le=10, description="letters of the shortest n-gram; fastText's default")
    longest: int = Field(6, ge=1, le=20, description="letters of the longest n-gram; fastText's default")
    buckets: int = Field(
        100_000, ge=1, le=10_000_000, description="rows for n-grams; fastText has 2 million for far more words"
    )
    misspellings: int = Field(2500, ge=10, le=10_000, description="of the test split at most, and of Korean typos")
    typo_shares: tuple[float, ...] = Field(
        (0.0, 0.25, 0.5, 0.75, 1.0),
        min_length=3,
        description="shares of words with a typo; the first none, the middle one half",
    )
    reviews: float = Field(1.0, gt=0, le=1, description="share of the film sentences to train on; all")
    korean_at_least: int = Field(3, ge=1, le=100, description="as at_least; lower, as the Korean text is much smaller")
    korean_epochs: int = Field(10, ge=1, le=100, description="more than in English, as the Korean text is much smaller")


def settings_of(config: FastTextConfig, epochs: int) -> Settings:
    """The config's settings of skip-gram."""
    return Settings(
        dimensions=config.dimensions,
        window=config.window,
        negatives=config.negatives,
        frequent=config.frequent,
        epochs=epochs,
        learning_rate=config.learning_rate,
        pairs=config.pairs,
        noise_words=config.noise_words,
    )


def ngrams_of(config: FastTextConfig) -> NGrams:
    """The English words' n-grams."""
    whole = config.pieces == "words"
    return WHOLE_WORDS if whole else NGrams(config.shortest, config.longest, config.buckets)


def ours(config: FastTextConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Similarity, recovery and the sentiment classifier of our vectors; for whole words also of the nearest spelling.

    For subwords ``never_seen`` has the nearest words to words that are in none of the text.
    """
    text = texts.english(config.text)
    vocabulary = Vocabulary.of(text, config.at_least)
    settings = settings_of(config, config.epochs)
    vectors = train_skip_gram(text, vocabulary, ngrams_of(config), settings, seed=seed, log=log)
    measured = english(config, vectors, log)
    reviews = texts.reviews(config.reviews)
    measured["accuracy"] = measures.sentiment(vectors, reviews, config.typo_shares, seed, spelling=False)
    if config.pieces == "words":
        pairs, kinds = misspelled(config, vectors)
        measured["spelling"] = measures.spelling_recovery(vectors.words, pairs, kinds)
        measured["spelling_accuracy"] = measures.sentiment(vectors, reviews, config.typo_shares, seed, spelling=True)
    else:
        measured["never_seen"] = {word: vectors.neighbours(word, 5) for word in NEVER_SEEN if word not in vectors}
    return measured


def gensim(config: FastTextConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Similarity and recovery of gensim's vectors."""
    text, settings = texts.english(config.text), settings_of(config, config.epochs)
    return english(config, gensim_vectors(text, config.at_least, ngrams_of(config), settings, seed), log)


def english(config: FastTextConfig, vectors: WordVectors, log: Log) -> dict[str, Any]:
    """Log the vectors and measure their similarity and recovery."""
    log(0, vectors=vectors.vectors)
    pairs, kinds = misspelled(config, vectors)
    return {
        **measures.similarity(vectors),
        **measures.recovery(vectors, pairs, kinds),
        "vocabulary": len(vectors.words),
        "misspellings": {name: kinds.count(name) for name in dict.fromkeys(kinds)},
    }


def misspelled(config: FastTextConfig, vectors: WordVectors) -> tuple[list[tuple[str, str]], list[str]]:
    """The English misspellings of words that have a vector, and the kind of each."""
    pairs = measures.unknown_misspellings(misspellings.test(), vectors, config.misspellings)
    return pairs, measures.kinds_of(pairs)


def korean(config: FastTextConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Recovery of words from typos on the keyboard; for whole words also by the nearest spelling in letters."""
    jamo = config.pieces == "jamo"
    text = texts.korean_in_letters() if jamo else texts.korean()
    ngrams = WHOLE_WORDS if config.pieces == "words" else NGrams(*KOREAN_LENGTHS[config.pieces], config.buckets)
    vocabulary = Vocabulary.of(text, config.korean_at_least)
    settings = settings_of(config, config.korean_epochs)
    vectors = train_skip_gram(text, vocabulary, ngrams, settings, seed=seed, log=log)
    log(0, vectors=vectors.vectors)
    typos, kinds = korean_typos(config, seed)
    in_letters = [(spelled(written), spelled(meant)) for written, meant in typos]
    measured = measures.recovery(vectors, in_letters if jamo else typos, kinds)
    if config.pieces == "words":
        letters = [spelled(word) for word in vectors.words]
        measured["spelling"] = measures.spelling_recovery(letters, in_letters, kinds)
    return {**measured, "vocabulary": len(vocabulary.words)}


def korean_typos(config: FastTextConfig, seed: Seed) -> tuple[list[tuple[str, str]], list[str]]:
    """Words of the text that are in the dictionary, mistyped into what is no word of the text, and each's error."""
    words = Vocabulary.of(texts.korean(), config.korean_at_least).words
    rng, known = seed.rng("typos"), {*words}
    meant = [word for word in words if len(word) > 1 and word in texts.korean_dictionary()]
    pairs, kinds = [], []
    for word in [meant[i] for i in rng.permutation(len(meant))][: config.misspellings // len(KEY_ERRORS)]:
        for error in KEY_ERRORS:
            written = mistyped(word, error, rng)
            if written is not None and written not in known:
                pairs.append((written, word))
                kinds.append(error)
    return pairs, kinds


def study(config: FastTextConfig) -> Study:
    """Every variant with every seed."""

    def trials() -> Iterator[Trial]:
        for seed in range(config.seeds):
            for variant, pieces in VARIANTS.items():
                function = variant.partition("/")[0]
                runtime = Runtime("numpy" if function == "gensim" else "torch")
                yield Trial(variant, changed(config, {"pieces": pieces}), seed, runtime, function)

    return batches(trials(), config.batch)


LAB = Lab(
    name="fasttext",
    summary="words made of pieces: vectors for misspelled and unseen words, compared with the nearest spelling",
    chapter=11,
    minutes=9,
    config=FastTextConfig,
    quick={
        "seeds": 3,
        "text": 0.1,
        "epochs": 4,
        "korean_epochs": 2,
        "misspellings": 300,
        "reviews": 0.25,
        "typo_shares": (0.0, 0.5, 1.0),
    },
    study=study,
    trials={"ours": ours, "gensim": gensim, "korean": korean},
    claims=CLAIMS,
    lecture=("robust-to-typos",),
    figures={
        "recovery": figures.recovery,
        "sentiment": figures.sentiment,
        "korean": figures.korean,
        "gensim": figures.compared_with_gensim,
        "never-seen": figures.never_seen,
    },
    search="what its trials measure is read from test words; none of it is on validation data",
    data=("brown", "misspellings", "movie_reviews", "wordsim353", "english_korean", "korean_words"),
    texts=TEXTS,
)
