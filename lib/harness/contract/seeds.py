"""Seeds derived by name from one root seed.

A trial never draws from a shared generator: it asks its `Seed` for a generator *by name* (``seed.rng("init")``). The
seed of a name is the SHA-256 of the path of names from the root, so adding a consumer of randomness shifts no other
(the idea is Sacred's; NumPy's `SeedSequence.spawn` numbers its children and so depends on their order).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """A point in the tree of seeds: a root number and the names on the way from it."""

    root: int
    path: tuple[str, ...] = ()

    def child(self, *names: str | int) -> Seed:
        """The seed below this one with these names."""
        return Seed(self.root, (*self.path, *map(str, names)))

    def _digest(self) -> bytes:
        # names are length-prefixed, so that ("ab", "c") and ("a", "bc") differ
        text = "".join(f"{len(name)}:{name}" for name in (str(self.root), *self.path))
        return hashlib.sha256(text.encode()).digest()

    def integer(self, *names: str | int, bits: int = 32) -> int:
        """An integer in [0, 2**bits), for libraries that take a number. `bits` is at most 256."""
        return int.from_bytes(self.child(*names)._digest(), "big") >> (256 - bits)

    def rng(self, *names: str | int) -> np.random.Generator:
        """A NumPy generator (PCG64) of its own for these names."""
        return np.random.Generator(np.random.PCG64(self.integer(*names, bits=128)))
