"""Settings: conventions, defaults, ranges; every bad one gives one line that names it."""

from typing import Any

import numpy as np
import pytest

import lib.optimizers as module
from lib.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    GradientDescent,
    Lion,
    Momentum,
    Muon,
    NAdam,
    RMSprop,
)

KINDS = [getattr(module, name) for name in module.__all__ if name not in ("Optimizer", "State")]

NAN = float("nan")
BAD: list[tuple[Any, dict[str, Any], str]] = [
    (Adam, {"learning_rate": -0.1}, "Adam: learning_rate must be a finite number >= 0, got -0.1"),
    (Adam, {"learning_rate": NAN}, "Adam: learning_rate must be a finite number >= 0, got nan"),
    (Adam, {"learning_rate": float("inf")}, "Adam: learning_rate must be a finite number >= 0, got inf"),
    (Adam, {"learning_rate": "fast"}, "Adam: learning_rate must be a finite number >= 0, got 'fast'"),
    (Adam, {"learning_rate": True}, "Adam: learning_rate must be a finite number >= 0, got True"),
    (Adam, {"betas": (1.0, 0.9)}, "Adam: betas[0] must be in [0, 1), got 1.0"),
    (Adam, {"betas": (0.9, -0.1)}, "Adam: betas[1] must be in [0, 1), got -0.1"),
    (Adam, {"betas": 0.9}, "Adam: betas must be two numbers in [0, 1), got 0.9"),
    (Adam, {"betas": (0.9, NAN)}, "Adam: betas[1] must be in [0, 1), got nan"),
    (Adam, {"eps": -1e-8}, "Adam: eps must be a finite number >= 0, got -1e-08"),
    (Adam, {"weight_decay": -1}, "Adam: weight_decay must be a finite number >= 0, got -1"),
    (Adam, {"convention": "jax"}, "Adam: convention must be 'torch' or 'keras', got 'jax'"),
    (Adam, {"convention": None}, "Adam: convention must be 'torch' or 'keras', got None"),
    (Adam, {"decoupled_weight_decay": 1}, "Adam: decoupled_weight_decay must be True or False, got 1"),
    (Momentum, {"momentum": 1.0}, "Momentum: momentum must be in [0, 1), got 1.0"),
    (Momentum, {"dampening": -0.5}, "Momentum: dampening must be in [0, 1), got -0.5"),
    (RMSprop, {"alpha": 1.5}, "RMSprop: alpha must be in [0, 1), got 1.5"),
    (RMSprop, {"centered": "yes"}, "RMSprop: centered must be True or False, got 'yes'"),
    (Adadelta, {"rho": NAN}, "Adadelta: rho must be in [0, 1), got nan"),
    (
        Adagrad,
        {"initial_accumulator_value": -1.0},
        "Adagrad: initial_accumulator_value must be a finite number >= 0, got -1.0",
    ),
    (Adagrad, {"lr_decay": -1.0}, "Adagrad: lr_decay must be a finite number >= 0, got -1.0"),
    (NAdam, {"momentum_decay": -1.0}, "NAdam: momentum_decay must be a finite number >= 0, got -1.0"),
    (Lion, {"convention": "torch"}, "Lion: torch has no Lion; use convention='keras'"),
    (Muon, {"ns_steps": 0}, "Muon: ns_steps must be a whole number from 1 to 99, got 0"),
    (Muon, {"ns_steps": 2.5}, "Muon: ns_steps must be a whole number from 1 to 99, got 2.5"),
    (
        Muon,
        {"ns_coefficients": (1.0, 2.0)},
        "Muon: ns_coefficients must be a tuple of three finite floats, got (1.0, 2.0)",
    ),
    (Muon, {"ns_coefficients": 3}, "Muon: ns_coefficients must be a tuple of three finite floats, got 3"),
    (Muon, {"adjust_lr_fn": "x"}, "Muon: adjust_lr_fn must be 'original' or 'match_rms_adamw', got 'x'"),
]


@pytest.mark.parametrize(("kind", "settings", "message"), BAD, ids=lambda x: x if isinstance(x, str) else "")
def test_a_bad_setting_gives_one_line(kind: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:
        kind(**settings)
    assert str(error.value) == message


@pytest.mark.parametrize("rate", [-1.0, NAN, None])
def test_a_schedule_s_value_is_checked(rate: Any) -> None:
    theta = np.zeros(1)
    optimizer = GradientDescent(lambda step: rate)
    with pytest.raises(ValueError, match=r"^GradientDescent: learning_rate\(0\) must be a finite number >= 0, got "):
        optimizer.update(theta, optimizer.init(theta), theta)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="'lr'"):
        Adam(lr=0.1)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [AdamW, Muon])
def test_the_decay_of_adamw_and_muon_is_always_decoupled(kind: Any) -> None:
    assert kind().decoupled_weight_decay
    with pytest.raises(TypeError, match="'decoupled_weight_decay'"):
        kind(decoupled_weight_decay=False)


@pytest.mark.parametrize("kind", KINDS)
def test_none_means_the_convention_s_default(kind: Any) -> None:
    for convention, defaults in kind.DEFAULTS.items():
        optimizer = kind(convention=convention)
        assert kind(convention=convention, **dict.fromkeys(defaults)) == optimizer
        assert {name: getattr(optimizer, name) for name in defaults} == defaults


def test_an_optimizer_shows_its_settings() -> None:
    assert repr(GradientDescent(0.1)) == (
        "GradientDescent(learning_rate=0.1, convention='torch', weight_decay=0.0, decoupled_weight_decay=False)"
    )


def test_settings_cannot_change() -> None:
    with pytest.raises(AttributeError):
        Adam().learning_rate = 1.0  # type: ignore[misc]
