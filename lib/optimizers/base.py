"""What all optimizers share: pure init and update on arrays or nested dicts, weight decay, learning rate schedules.

An optimizer file then holds its idea alone: which slots it keeps for a parameter (`start`) and how one array steps
(`step`). `init(params) -> state` and `update(grads, state, params) -> (params, state)` change none of their arguments.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lib.optimizers.settings import BY_CONVENTION, Convention, Schedule, checked, defaults_of, number

Array: TypeAlias = NDArray[np.floating[Any]]
Params = TypeVar("Params")
Slots = TypeVar("Slots")


class State(NamedTuple):
    """Steps taken so far, and an optimizer's slots: one tuple for an array, a dict nested as params for a dict."""

    step: int
    slots: Any


@dataclass(frozen=True)
class Optimizer(ABC, Generic[Slots]):
    r"""A rule that turns gradients into steps.

    learning_rate: $\eta \ge 0$, or a schedule: a function of the steps taken before, 0 at the first update.
    convention: "torch" or "keras"; a setting that is left out has the convention's default.
    weight_decay: $\lambda \ge 0$. Coupled (torch, L2) it joins the gradient, $g + \lambda\theta$, and so the moments;
        decoupled (Keras) it shrinks the parameter before the step, $\theta - \eta\lambda\theta$, and the moments never
        see it (Loshchilov & Hutter 2019).
    decoupled_weight_decay: which of the two.

    Parameters are floating point arrays of any shape, or dicts of them, nested at will; they keep shape and dtype, and
    so do the slots. A run that diverges gives inf and nan without a warning. Bad settings raise ValueError.
    """

    DEFAULTS: ClassVar[dict[str, dict[str, Any]]]
    """The default of every setting, by convention; a framework that lacks the optimizer has no entry."""
    MATRICES_ONLY: ClassVar[bool] = False

    learning_rate: float | Schedule = BY_CONVENTION
    _: KW_ONLY
    convention: Convention = "torch"
    weight_decay: float = BY_CONVENTION
    decoupled_weight_decay: bool = BY_CONVENTION

    def __post_init__(self) -> None:
        name = type(self).__name__
        defaults = defaults_of(name, self.convention, self.DEFAULTS)
        for field in fields(self):
            value = getattr(self, field.name)
            value = defaults[field.name] if value is None else value
            object.__setattr__(self, field.name, checked(name, field.name, value))

    @abstractmethod
    def start(self, p: Array) -> Slots:
        """The slots of one parameter array before the first step."""

    @abstractmethod
    def step(self, g: Array, slots: Slots, p: Array, t: int, lr: float) -> tuple[Array, Slots]:
        """Step number t = 1, 2, … of one parameter array p with gradient g: its new value and slots."""

    def init(self, params: Any) -> State:
        """The state before the first step."""
        return State(0, self._start(params, "params"))

    @np.errstate(all="ignore")
    def update(self, grads: Any, state: State, params: Params) -> tuple[Params, State]:
        """One step: the new params and the new state. grads are the gradients at params, nested as params are."""
        t = state.step + 1
        params, slots = self._step(grads, state.slots, params, t, self._rate(state.step), path="params")
        return params, State(t, slots)

    def _rate(self, steps: int) -> float:
        if not callable(self.learning_rate):
            return self.learning_rate
        rate = self.learning_rate(steps)
        return number(type(self).__name__, f"learning_rate({steps})", rate, below=np.inf)

    def _start(self, params: Any, path: str) -> Any:
        if isinstance(params, dict):
            return {key: self._start(param, f"{path}[{key!r}]") for key, param in params.items()}
        p = np.asarray(params)
        if p.dtype.kind != "f":
            raise ValueError(f"{path} must be a floating point array, got {p.dtype}; convert it with .astype(float)")
        if self.MATRICES_ONLY and p.ndim != 2:
            name = type(self).__name__
            raise ValueError(f"{path} has the shape {p.shape}; {name} takes matrices only, use AdamW for it")
        return self.start(p)

    def _step(self, grads: Any, slots: Any, params: Any, t: int, lr: float, *, path: str) -> tuple[Any, Any]:
        if isinstance(params, dict):
            for name, tree in (("grads", grads), ("state", slots)):
                if not isinstance(tree, Mapping) or tree.keys() != params.keys():
                    raise ValueError(f"{name} must be nested as params are: {path} has the keys {list(params)}")
            stepped = {
                key: self._step(grads[key], slots[key], param, t, lr, path=f"{path}[{key!r}]")
                for key, param in params.items()
            }
            return {key: p for key, (p, _) in stepped.items()}, {key: s for key, (_, s) in stepped.items()}

        p = np.asarray(params)
        g = np.asarray(grads)
        if g.shape != p.shape:
            raise ValueError(f"the gradient of {path} must have its shape {p.shape}, got {g.shape}")
        if g.dtype != p.dtype:
            g = g.astype(p.dtype)
        if self.weight_decay and self.decoupled_weight_decay:
            p = p - lr * self.weight_decay * p
        elif self.weight_decay:
            g = g + self.weight_decay * p
        p, slots = self.step(g, slots, p, t, lr)
        return np.asarray(p), slots
