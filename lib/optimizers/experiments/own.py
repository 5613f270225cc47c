"""A class of one's own, as the lesson on optimizers writes it, in the place of an optimizer of the lecture."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from lib.optimizers.base import Array, Optimizer

NAMES: Mapping[str, tuple[str, ...]] = {"momentum": ("momentum", "mu"), "alpha": ("alpha", "rho"), "eps": ("eps",)}
"""By setting, the names that a class of one's own may have for it; `betas` are beta1 and beta2 there."""


@dataclass(frozen=True)
class OwnOptimizer(Optimizer[Any]):
    """An optimizer whose steps are those of a class with ``__init__(lr, …)`` and ``step(theta, g)``.

    ``step`` returns the new theta. The object keeps what it remembers, one object for each parameter array; `lr` is its
    attribute, which is set before every step.

    Attributes:
        own: the class.
        settings: of the lecture's optimizer, under its names; the class's own defaults stand for the others.

    Raises:
        ValueError: the class has no setting of such a name.
        TypeError: ``step`` has returned no array of theta's shape.
    """

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]] = {"torch": {"learning_rate": 1e-3, "own": None, "settings": {}}}

    own: type = field(kw_only=True)
    settings: Mapping[str, Any] = field(kw_only=True, default_factory=dict)

    def start(self, p: Array) -> Any:
        """A new object, which remembers nothing yet."""
        return self.own(self._rate(0), **self._keywords())

    def step(self, g: Array, slots: Any, p: Array, t: int, lr: float) -> tuple[Array, Any]:
        """A step of a copy of the object."""
        slots = copy.copy(slots)
        slots.lr = lr
        stepped = slots.step(p, g)
        if np.shape(stepped) != p.shape:
            name = self.own.__name__
            raise TypeError(f"{name}.step is to return the new theta, of shape {p.shape}, not {type(stepped).__name__}")
        return np.asarray(stepped, dtype=p.dtype), slots

    def _keywords(self) -> dict[str, Any]:
        parameters = inspect.signature(self.own).parameters
        given = dict(self.settings)
        if "betas" in given:
            given |= dict(zip(("beta1", "beta2"), given.pop("betas"), strict=True))
        keywords = {}
        for setting, value in given.items():
            name = next((each for each in NAMES.get(setting, (setting,)) if each in parameters), None)
            if name is None:
                raise ValueError(f"{self.own.__name__} has no setting {setting}")
            keywords[name] = value
        return keywords
