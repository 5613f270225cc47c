"""Beam search on chains whose best sequence is known, beside a search of all sequences."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from lib.nlp.seq2seq.beam_search import Decoded, Step, beam_search

END, START = 0, 1


def chain(n: int, symbols: int, seed: int = 0) -> Tensor:
    """For each of n examples random log-probabilities of the next symbol after each, (n, V, V)."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(n, symbols, symbols, generator=generator, dtype=torch.float64)).log_softmax(dim=2)


def step_of(table: Tensor) -> Step:
    """The step of a chain; its state is the number of the example, (n * B, 1)."""

    def step(last: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return table[state[:, 0].long(), last].float(), state

    return step


def search(table: Tensor, width: int, longest: int) -> Decoded:
    states = torch.arange(len(table), dtype=torch.float32).unsqueeze(1)
    return beam_search(step_of(table), states, start=START, end=END, width=width, longest=longest)


def log_probability(table: Tensor, symbols: list[int]) -> float:
    before = [START, *symbols[:-1]]
    return float(sum(table[a, b] for a, b in zip(before, symbols, strict=True)))


def all_sequences(symbols: int, longest: int) -> list[list[int]]:
    """Those that end with `END`, and those that are cut off."""
    found = []
    for length in range(1, longest + 1):
        for body in product(range(1, symbols), repeat=length - 1):
            found.append([*body, END])
    return found + [list(body) for body in product(range(1, symbols), repeat=longest)]


def trimmed(symbols: list[int]) -> list[int]:
    return symbols[: symbols.index(END) + 1] if END in symbols else symbols


def test_a_wide_beam_finds_the_best_of_all_sequences() -> None:
    table = chain(6, 4)
    every = all_sequences(4, 4)
    found = search(table, 4**4, 4)
    for example, symbols in enumerate(found.symbols.tolist()):
        best = max(every, key=lambda sequence: log_probability(table[example], sequence))
        assert trimmed(symbols) == best
        assert float(found.log_probability[example]) == pytest.approx(log_probability(table[example], best), abs=1e-5)


def test_width_1_is_greedy() -> None:
    table = chain(50, 12)
    found = search(table, 1, 10)
    for example, symbols in enumerate(found.symbols.tolist()):
        last = START
        greedy: list[int] = []
        while last != END and len(greedy) < 10:
            last = int(table[example, last].argmax())
            greedy.append(last)
        assert trimmed(symbols) == greedy


@pytest.mark.parametrize("width", [1, 2, 5])
def test_the_reported_probability_is_the_sequences_own(width: int) -> None:
    table = chain(20, 6, seed=1)
    found = search(table, width, 8)
    for example, symbols in enumerate(found.symbols.tolist()):
        expected = log_probability(table[example], trimmed(symbols))
        assert float(found.log_probability[example]) == pytest.approx(expected, abs=1e-5)


def test_a_wider_beam_is_more_probable_on_average() -> None:
    table = chain(300, 6, seed=2)
    means = [float(search(table, width, 8).log_probability.mean()) for width in (1, 2, 4, 8)]
    assert means == sorted(means) and means[1] > means[0]


def test_a_dead_end_that_greedy_enters_and_a_beam_of_two_does_not() -> None:
    """2 is likelier at first (0.6), but what follows it is spread; after 3 the end is certain."""
    table = torch.full((1, 4, 4), -torch.inf)
    table[0, START, 2], table[0, START, 3] = np.log(0.6), np.log(0.4)
    table[0, 2, END] = table[0, 2, 2] = np.log(0.5)
    table[0, 3, END] = 0
    assert trimmed(search(table, 1, 5).symbols[0].tolist()) == [2, END]
    assert trimmed(search(table, 2, 5).symbols[0].tolist()) == [3, END]


def test_examples_do_not_disturb_each_other() -> None:
    table = chain(10, 8, seed=3)
    together = search(table, 3, 9)
    for example in range(10):
        alone = search(table[example : example + 1], 3, 9)
        assert trimmed(alone.symbols[0].tolist()) == trimmed(together.symbols[example].tolist())


def test_a_sequence_that_does_not_end_is_cut_off() -> None:
    table = torch.zeros((1, 3, 3))
    table[0, :, END] = -100
    found = search(table, 2, 7)
    assert found.symbols.shape == (1, 7) and END not in found.symbols
