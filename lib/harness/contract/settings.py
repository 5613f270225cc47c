"""From the words of a command to a lab's config: defaults, then ``--quick``, then the options, then ``--set``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.errors import UserError, short


@dataclass(frozen=True)
class Options:
    """The options of a run that decide its config and its trials, parsed; `contract.options` has those of all commands.

    A new option begins in the table of `contract.options`, is parsed in ``lib/__main__.py``, and is a field here when
    `configure` or the run needs it.
    """

    quick: bool = False
    seeds: int | None = None
    seed: int = 0
    changes: Sequence[str] = ()
    framework: str | None = None
    workers: int | None = None
    portable: bool = False
    config: str | None = None


def configure(lab: Lab, options: Options, found: Mapping[str, Any] | None = None) -> Config:
    """The validated config. `found`: changes that a sweep has found; they come after those of ``--quick``.

    Raises:
        UserError: an unknown field, a value out of its range, or a framework that the lab does not have.
    """
    settings: dict[str, Any] = {**(lab.quick if options.quick else {}), **(found or {})}
    if options.framework is not None:
        _require_framework(lab, "--framework ", options.framework)
        settings["framework"] = options.framework
    if options.seeds is not None:
        settings["seeds"] = options.seeds
    settings |= dict(_change(lab.config, text) for text in options.changes)
    try:
        config = lab.config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # a combination that the config refuses, in its own words
            raise UserError(f"Invalid combination of settings: {first['ctx']['error']}") from None
        name = str(first["loc"][0])
        field = lab.config.model_fields.get(name)
        allowed = f" (allowed: {allowed_values(field)})" if field else ""
        raise UserError(f"{name}={short(repr(first['input']))}: {first['msg']}{allowed}") from None
    if config.framework != lab.config.model_fields["framework"].default:  # which the config of every lab has
        _require_framework(lab, "--set framework=", config.framework)
    return config


def _require_framework(lab: Lab, option: str, framework: str) -> None:
    if framework not in lab.frameworks:
        raise UserError(f"{option}{framework}: the lab '{lab.name}' runs in {' or '.join(lab.frameworks)}")


def key_and_text(config: type[Config], option: str, text: str, form: str) -> tuple[str, str]:
    """The two sides of a KEY=VALUE that an option says, KEY a field of `config`. `form`: how to write it.

    Raises:
        UserError: it is none, or there is no such field.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UserError(f"{option} {short(text)}: {form}")
    if name not in config.model_fields:
        near = difflib.get_close_matches(name, config.model_fields, n=3, cutoff=0.4)
        known = "nearest: " + ", ".join(near) if near else "fields: " + ", ".join(config.model_fields)
        raise UserError(f"{option} {short(text)}: there is no field '{short(name)}'; {known}")
    return name, value


def value_of(option: str, key: str, text: str) -> Any:
    """The value that a text stands for: JSON, else the text itself.

    Raises:
        UserError: it is no Unicode, or more than Python reads as JSON.
    """
    try:
        text.encode()
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        return text
    except UnicodeEncodeError:
        raise UserError(f"{option} {key}: {short(repr(text))} is no Unicode text: type it in UTF-8") from None
    except (ValueError, RecursionError):
        raise UserError(f"{option} {key}={short(text)}: a number of that length, or lists that deep, cannot be read: "
                        "write a shorter value") from None  # fmt: skip
    return value


def _change(config: type[Config], text: str) -> tuple[str, Any]:
    name, value = key_and_text(config, "--set", text, "write it as --set KEY=VALUE")
    return name, value_of("--set", name, value)


def allowed_values(field: FieldInfo) -> str:
    """A field's type and range in words, as ``int, >= 1, <= 1000``."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}
    signs |= {"multiple_of": "a multiple of"}
    kind = getattr(field.annotation, "__name__", "") if field.annotation else ""
    values = getattr(field.annotation, "__args__", ())
    kind = " or ".join(map(repr, values)) if kind == "Literal" else kind or str(field.annotation)
    bounds = [
        f"{sign} {getattr(m, attribute)}"
        for m in field.metadata
        for attribute, sign in signs.items()
        if hasattr(m, attribute)
    ]
    return ", ".join([kind, *bounds])


def as_params(config: Config) -> Mapping[str, str]:
    """The config as MLflow params: one text per field, exact for numbers."""
    return {
        name: json.dumps(value) if not isinstance(value, str) else value for name, value in config.model_dump().items()
    }
