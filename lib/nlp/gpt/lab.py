"""GPT: predict the next character from those before it, from left to right. How much does context help?

A causal transformer of 0.8 million parameters learns Jane Austen's novels, character by character (Radford et al. 2018,
"Improving language understanding by generative pre-training"), with the size and the recipe of karpathy/nanoGPT for a
CPU. It is judged on the validation part of the novels along the way, and on the test part once, at the end, and is
compared with n-gram models, which only count. Nothing is chosen here: the recipe is nanoGPT's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field, model_validator

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Choices, Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.models.language_models import weights
from lib.models.precision import Precision
from lib.nlp.gpt import figures
from lib.nlp.gpt.claims import CLAIMS, FEWEST
from lib.nlp.gpt.model import build, go_on, later_changes_earlier, losses_by_place, losses_of_the_same, train
from lib.nlp.gpt.ngrams import KneserNey
from lib.nlp.gpt.text import characters, novels


class GptConfig(Config):
    """Settings of the lab."""

    seeds: int = Field(3, ge=1, le=1000, description="the fewest with an interval: one costs three minutes of a core")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    layers: int = Field(4, ge=1, le=24, description="nanoGPT's recipe for a CPU")
    heads: int = Field(4, ge=1, le=24, description="nanoGPT's recipe for a CPU")
    width: int = Field(128, ge=4, le=1024, description="nanoGPT's recipe for a CPU; a multiple of the heads")
    context: int = Field(64, ge=8, le=1024, description="characters that it sees, a dozen words: nanoGPT's recipe")
    blocks: int = Field(12, ge=1, le=1024, description="pieces of text a step: nanoGPT's recipe for a CPU")
    steps: int = Field(2000, ge=1, le=100_000, description="nanoGPT's recipe for a CPU")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="nanoGPT's recipe: small networks can bear more")
    precision: Precision = Field(
        "float32", description="of matrix products in training; bfloat16 pays on GPUs with large networks"
    )
    orders: int = Field(7, ge=2, le=8, description="longest n-gram counted: longer ones are rare")
    stretches: int = Field(
        16, ge=1, le=1000, description="of the test text, other ones for each seed: the interval is also over them"
    )
    sample: int = Field(160, ge=1, le=10_000, description="characters written at each stage: two lines")
    prompt: str = Field("She was ", min_length=1, max_length=64, description="the words that every sample goes on from")

    @model_validator(mode="after")
    def _fits(self) -> GptConfig:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of {self.heads} heads")
        if len(self.prompt) > self.context:
            raise ValueError(f"prompt of {len(self.prompt)} characters does not fit in the context of {self.context}")
        return self


STAGES = (0.0, 0.05, 0.125, 0.25, 0.5, 0.75, 1.0)
"""When in the training the model is looked at, as a share of its steps."""
WATCHED = 400
"""Pieces of the validation text that are looked at along the way."""
LENGTH = 1_600
"""Of a stretch of the test text in which the loss is measured by what the model has read."""


def learn(config: GptConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train the model. Its loss and a piece of its writing at each stage; its loss by place in the end."""
    network = build(
        len(characters()), seed, width=config.width, layers=config.layers, heads=config.heads, context=config.context
    )
    validation, stages = novels("validation"), sorted({round(share * config.steps) for share in STAGES})
    watched: list[float] = []
    written: list[str] = []

    def look(step: int) -> None:
        if step in stages:
            network.eval()
            watched.append(float(losses_by_place(network, validation, WATCHED).mean()))
            written.append(go_on(network, config.prompt, config.sample, seed.rng("sample")))
            network.train()

    losses = train(
        network,
        novels("train"),
        steps=config.steps,
        blocks=config.blocks,
        learning_rate=config.learning_rate,
        seed=seed,
        log=log,
        at_step=look,
        precision=config.precision,
    )
    look(config.steps)
    log.parameters(weights(network))
    return {
        "stages": stages,
        "watched": watched,
        "written": written,
        "losses": losses,
        "validation_loss": float(losses_by_place(network, validation).mean()),
        "by_place": losses_of_the_same(
            network, novels("test"), stretches=config.stretches, length=LENGTH, every=FEWEST, rng=seed.rng("stretches")
        ),
        "test_loss": float(losses_by_place(network, novels("test")).mean()),
        "vocabulary": len(characters()),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "later_changes_earlier": later_changes_earlier(network, validation[: config.context], seed),
    }


def count(config: GptConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Count n-grams in the whole training text: loss on the test text by their order, and of one that knows nothing."""
    model = KneserNey(novels("train"), config.orders, len(characters()))
    losses = np.array([model.losses(novels("test"), order).mean() for order in range(1, config.orders + 1)])
    for order, loss in enumerate(losses, 1):
        log(order, loss=float(loss))
    return {"losses": losses}


def study(config: GptConfig) -> Study:
    """The model with every seed, and the counting once, which draws nothing."""
    trials = [Trial("gpt", config, seed, Runtime("torch"), "learn") for seed in range(config.seeds)]
    yield from batches([*trials, Trial("counting", config, 0, Runtime(), "count")], config.batch)


SEARCH = Search(
    space={
        "learning_rate": Range(3e-4, 1e-2, log=True),
        "blocks": Range(4, 48, log=True),
        "layers": Range(1, 4),
        "heads": Choices((1, 2, 4, 8)),
        "width": Range(32, 160, step=32),
    },
    trial=lambda config: Trial(
        "gpt", changed(config, {"steps": max(1, config.steps // 4)}), 0, Runtime("torch"), "learn"
    ),
    measure="validation_loss",
    goal="minimize",
)
"""Of the model, for a quarter of its steps; a width is a multiple of all numbers of heads."""

LAB = Lab(
    name="gpt",
    summary="a small GPT and Jane Austen: loss on new text by the length of context, compared with counting n-grams",
    chapter=14,
    minutes=8,
    config=GptConfig,
    quick={"layers": 2, "width": 64, "steps": 550, "learning_rate": 3e-3, "orders": 3, "stretches": 4, "sample": 80},
    study=study,
    trials={"learn": learn, "count": count},
    claims=CLAIMS,
    lecture=("left-to-right",),
    figures={
        "learning": figures.learning,
        "writing": figures.writing,
        "context": figures.context,
        "counting": figures.counting,
    },
    data=("austen",),
    search=SEARCH,
    texts=figures.TEXTS,
)
