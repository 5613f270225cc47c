"""The explorable on attention: the letters of a word, the sounds that a network writes, and where it looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from lib.harness.contract.seeds import Seed
from lib.lessons.explore import Explorable, Words
from lib.nlp.seq2seq.text import Text, words

if TYPE_CHECKING:
    from lib.nlp.seq2seq.model import EncoderDecoder

WORDS, EPOCHS, WIDTH, MOST = 20_000, 1, 64, 16
"""Words to learn, how often, the states' size, and letters of a word that are read."""


@cache
def text() -> Text:
    """Words of the dictionary with their phonemes."""
    return words(WORDS, 3, 12, 1, 1)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's: with steps this small, several wait for each other most of the time."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@cache
def network() -> EncoderDecoder:
    """A network that has learned to pronounce them: some seconds of work, once a kernel."""
    import torch

    from lib.nlp.seq2seq.model import EncoderDecoder
    from lib.nlp.seq2seq.training import train

    part = text().train
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = EncoderDecoder(len(part.sources), len(part.targets), embedding=WIDTH // 2, width=WIDTH, score="dot")
        for _ in train(model, part, Seed(0), epochs=EPOCHS, batch=32, rate=0.01, looks=1):
            pass
    model.eval()
    return model


def draw_attention(figure: Any, text_of: Callable[..., str], *, word: str) -> None:
    """A row for each sound, a column for each letter: the weights."""
    from lib.nlp.seq2seq.answers import attention_map

    axes = figure.subplots()
    letters = word.strip().lower()[:MOST]
    if not re.fullmatch("[a-z]+", letters):
        axes.set_axis_off()
        axes.text(0.5, 0.5, text_of("letters"), ha="center", va="center")
        return
    part = text().train
    model = network()
    with one_thread():
        answer = attention_map(model, tuple(letters), part.sources, part.targets, longest=MOST + 4)
    sounds = [*map(text_of, answer["answer"]), text_of("end")]
    axes.imshow(answer["weights"], cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(letters)), list(letters))
    axes.set_yticks(range(len(sounds)), sounds)
    axes.set(title=text_of("title", word=letters), xlabel=text_of("xlabel"), ylabel=text_of("ylabel"))
    axes.grid(visible=False)


EXPLORABLES = {"attention": Explorable(draw_attention, {"word": Words(start="laughter")}, size=(6, 3.6))}
