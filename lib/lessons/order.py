"""The lessons in the lecture's order: the lab and the sentences that each has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A lesson.

    Attributes:
        number: its place in the lecture.
        name: by which `begin` knows it.
        lab: which measures its sentences; None: it measures its own, in its cells.
        rows: the lecture's sentences, each in exactly one lesson as a vote and as a card.
    """

    number: int
    name: str
    lab: str | None = None
    rows: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """The notebook's name without its ending, such as ``04-dropout``."""
        return f"{self.number:02}-{self.name}"

    @property
    def module(self) -> str:
        """The package of its checks and moving pictures."""
        return f"lib.lessons.units.{self.name.replace('-', '_')}"


LESSONS: tuple[Entry, ...] = (
    Entry(0, "start-here"),
    Entry(1, "functions", "paradigms", ("a-network-is-a-function", "three-kinds-of-learning")),
    Entry(2, "mlp", "mlp", ("threshold-neuron", "nonlinearity-is-the-core")),
    Entry(3, "overfitting", "overfitting", ("complexity-overfits", "double-descent")),
    Entry(4, "dropout", "dropout", ("dropout-simplifies", "dropout-narrows-gap")),
    Entry(
        5,
        "activations",
        "activations",
        ("sigmoid-gradient-vanishes", "whatever-activation", "relu-keeps-gradient"),
    ),
    Entry(6, "convolution", "convolution", ("shift-multiply-sum", "extracts-features", "filters-grow")),
    Entry(7, "lenet", "lenet", ("lenet-learns",)),
    Entry(8, "automl", "automl", ("search-beats-default",)),
    Entry(
        9,
        "tf2",
        "tf2",
        ("four-levels-agree", "autograph-if-else", "layers-and-estimator", "fully-compatible-keras"),
    ),
    Entry(10, "hub", "hub", ("reuse-a-module",)),
    Entry(11, "docker"),
    Entry(12, "rnn", "rnn", ("bptt-vanishes",)),
    Entry(13, "fasttext", "fasttext", ("robust-to-typos",)),
    Entry(14, "seq2seq", "seq2seq", ("encoder-decoder",)),
    Entry(15, "elmo", "elmo", ("context-changes-vectors",)),
    Entry(16, "gpt", "gpt", ("left-to-right",)),
    Entry(17, "bert", "bert", ("both-sides",)),
    Entry(
        18,
        "optimizers",
        "optimizers",
        (
            "gradient-descends",
            "momentum-rescues",
            "momentum-forms",
            "adagrad-decays",
            "rmsprop-improves-adagrad",
            "adam-is-the-sum",
            "adamax-nadam",
            "nobody-writes-them",
        ),
    ),
)


def find(name: str) -> Entry | None:
    """The lesson of this name, of its folder's name, or of its notebook's; None where there is none."""
    wanted = name.replace("_", "-")
    return next((entry for entry in LESSONS if wanted in (entry.name, entry.stem)), None)
