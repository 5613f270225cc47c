"""Seeds against their definition, computed again here, and what follows from it."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.contract.seeds import Seed

NAMES = st.lists(st.text(max_size=5), max_size=4)


def by_definition(root: int, names: list[str], bits: int) -> int:
    """The first `bits` bits of the SHA-256 of the length-prefixed names."""
    text = "".join(f"{len(name)}:{name}" for name in [str(root), *names])
    number: int = int(hashlib.sha256(text.encode()).hexdigest(), 16) // 2 ** (256 - bits)
    return number


@given(st.integers(0, 2**64), NAMES, st.sampled_from([1, 32, 63, 128, 256]))
def test_a_seed_is_the_hash_of_its_path(root: int, names: list[str], bits: int) -> None:
    assert Seed(root).integer(*names, bits=bits) == by_definition(root, names, bits)
    assert Seed(root).child(*names[:2]).integer(*names[2:], bits=bits) == by_definition(root, names, bits)


def test_a_generator_is_pcg64_with_128_bits_of_the_hash() -> None:
    expected = np.random.Generator(np.random.PCG64(by_definition(7, ["trial", "3", "init"], 128)))
    drawn = Seed(7).child("trial", 3).rng("init").normal(size=5)
    assert np.array_equal(drawn, expected.normal(size=5))


def test_a_new_consumer_of_randomness_shifts_no_other() -> None:
    seed = Seed(0).child("trial", 1)
    before = {name: seed.rng(name).random(4) for name in ("data", "init")}
    seed.rng("dropout").random(1000)
    seed.child("augmentation").rng("init").random(1000)
    for name in ("init", "data"):
        assert np.array_equal(seed.rng(name).random(4), before[name])


@given(NAMES, NAMES)
def test_different_paths_have_different_seeds(first: list[str], second: list[str]) -> None:
    same = Seed(0).integer(*first, bits=256) == Seed(0).integer(*second, bits=256)
    assert same == (first == second)


def test_names_do_not_run_together() -> None:
    assert Seed(0).integer("ab", "c") != Seed(0).integer("a", "bc")
    assert Seed(1).integer("1", "x") != Seed(11).integer("x")
    assert Seed(0).integer("a") != Seed(0).integer("a", "")


def test_roots_differ_and_numbers_are_spread_evenly() -> None:
    numbers = np.array([Seed(root).integer("x") for root in range(4000)], dtype=float) / 2**32
    assert len(set(numbers)) == len(numbers)
    counts = np.histogram(numbers, bins=16, range=(0, 1))[0]
    chi_squared = float(np.sum((counts - 250) ** 2 / 250))
    assert chi_squared < 37.7  # 0.1 % quantile of chi squared with 15 degrees of freedom; the numbers are fixed
