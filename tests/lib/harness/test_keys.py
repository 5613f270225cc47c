"""The keys of `--set`, read from the source, are the fields that pydantic has of the imported config."""

import ast
import importlib
import re
from pathlib import Path
from typing import Literal, get_origin

import pytest
from pydantic_core import PydanticUndefined

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.keys import Key, keys_of
from lib.harness.contract.settings import allowed_values

ROOT = Path(__file__).parents[3]
LABS = find_labs(ROOT)


@pytest.mark.parametrize("lab", LABS)
def test_the_source_says_what_the_config_has(lab: str) -> None:
    module = importlib.import_module(LABS[lab].module)
    fields = module.LAB.config.model_fields
    keys = keys_of(ROOT, Path(str(module.__file__)))
    assert sorted(key.name for key in keys) == sorted(fields)
    for key in keys:
        field = fields[key.name]
        assert key.reason == field.description
        assert bool(key.default) == (field.default is not PydanticUndefined)
        if key.default and (value := _literal(key.default)) is not None:
            assert value == field.default
        if field.annotation in (int, float, bool, str) or get_origin(field.annotation) is Literal:
            if re.search(r"\(| [-+*/] ", key.kind):  # a bound that is computed
                continue
            assert key.kind == allowed_values(field), key.name


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except ValueError:
        return None


def test_names_are_followed_to_where_they_are_defined(tmp_path: Path) -> None:
    """A base and a type of another file, a type with a range of its own, a tuple of it, a default without a Field, a
    Literal in a Literal."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "shared.py").write_text(
        "Rate = Annotated[float, Field(ge=0, lt=1)]\n"
        "class Shared(Config):\n"
        "    seeds: int = Field(5, ge=1, description='five')\n"
        "    rate: Rate = Field(0.1, description='a tenth')\n",
        encoding="utf-8",
    )
    (tmp_path / "lab.py").write_text(
        "from lib.shared import Rate as Share, Shared\n"
        "from elsewhere import Unknown\n"
        "First = Literal['a', 'b']\n"
        "class Mine(Shared):\n"
        "    seeds: int = Field(3, ge=2, description='three')\n"
        "    shares: tuple[Share, ...] = Field((0.5,), min_length=1, description='a half')\n"
        "    kind: Literal[First, 'c'] = 'a'\n"
        "    thing: Unknown\n"
        "    not_a_field = 3\n"
        "LAB = Lab(name='mine', config=Mine)\n",
        encoding="utf-8",
    )
    assert keys_of(tmp_path, tmp_path / "lab.py") == [
        Key("seeds", "int, >= 2", "3", "three"),
        Key("rate", "float, >= 0, < 1", "0.1", "a tenth"),
        Key("shares", "tuple of float, each >= 0, each < 1, length >= 1", "(0.5,)", "a half"),
        Key("kind", "'a' or 'b' or 'c'", "'a'", ""),
        Key("thing", "Unknown", "", ""),
    ]


def test_a_lab_whose_config_is_not_found_has_no_keys(tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text("LAB = Lab(name='mine', config=made())\n", encoding="utf-8")
    assert keys_of(tmp_path, tmp_path / "lab.py") == []
