"""From options to a config: what is right is taken over exactly, what is wrong is named in one line."""

import json
from dataclasses import replace

import pytest

from lib.harness.contract.settings import Options, allowed_values, as_params, configure
from lib.harness.errors import UserError
from lib.nlp.elmo import lab as elmo
from tests.lib.harness.labs.tiny import LAB, TinyConfig


def refused(*changes: str, **options: object) -> str:
    with pytest.raises(UserError) as caught:
        configure(LAB, Options(changes=changes, **options))  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_defaults_then_quick_then_options_then_set() -> None:
    assert configure(LAB, Options()) == TinyConfig()
    assert configure(LAB, Options(quick=True)).seeds == LAB.quick["seeds"] != TinyConfig().seeds
    assert configure(LAB, Options(quick=True, seeds=7)).seeds == 7
    assert configure(LAB, Options(quick=True, seeds=7, changes=["seeds=9"])).seeds == 9
    assert configure(LAB, Options(framework="keras")).framework == "keras"


def test_values_are_json_or_else_text() -> None:
    config = configure(
        LAB, Options(changes=["learning_rate=1e-3", 'runtimes=["numpy", "torch"]', "action=say", "backwards=true"])
    )
    assert isinstance(config, TinyConfig)
    assert (config.learning_rate, config.runtimes) == (1e-3, ("numpy", "torch"))
    assert (config.action, config.backwards) == ("say", True)
    assert configure(LAB, Options(changes=["text=a=b"])).model_dump()["text"] == "a=b"


def test_a_field_of_multiples_says_so() -> None:
    with pytest.raises(UserError, match=r"width=18: .*\(allowed: int, >= 4, <= 512, a multiple of 4\)"):
        configure(elmo.LAB, Options(changes=["width=18"]))


def test_an_unknown_field_gets_the_nearest_names() -> None:
    line = refused("lerning_rate=0.1")
    assert "lerning_rate" in line
    assert "nearest: learning_rate" in line
    assert "fields: framework, seeds, batch, learning_rate" in refused("zzzz=1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("learning_rate=2", ["learning_rate=2", "float", "> 0", "<= 1"]),
        ("learning_rate=0", ["learning_rate=0", "> 0"]),
        ("learning_rate=NaN", ["learning_rate=nan", "finite"]),
        ("seeds=0", ["seeds=0", ">= 1", "<= 1000"]),
        ("steps=many", ["steps='many'", "integer"]),
        ("steps=2.5", ["steps=2.5", "integer"]),
        ("steps=[1]", ["steps=[1]", "integer"]),
        ("framework=jax", ["framework='jax'", "'torch' or 'keras'"]),
        ('runtimes=["numpy", "jax"]', ["runtimes", "jax"]),
        ("action=1", ["action=1", "string"]),
    ],
)
def test_a_bad_value_is_named_with_its_range(change: str, words: list[str]) -> None:
    line = refused(change)
    for word in words:
        assert word in line


@pytest.mark.parametrize("change", ["steps", "=5", ""])
def test_set_without_key_or_value_says_how_to_write_it(change: str) -> None:
    assert "--set KEY=VALUE" in refused(change)


def test_fields_that_do_not_go_together_are_said_in_the_configs_own_words() -> None:
    assert refused("text=even", "steps=7") == "Invalid combination of settings: 7 steps are odd"


def test_a_framework_that_the_lab_has_not_is_refused() -> None:
    line = refused(framework="numpy")
    assert "--framework numpy" in line
    assert "torch or keras" in line


def test_set_does_not_get_around_the_check_of_the_framework() -> None:
    alone = replace(LAB, frameworks=("torch",))
    for options in (Options(framework="keras"), Options(changes=["framework=keras"])):
        with pytest.raises(UserError, match=r"framework.keras: the lab 'tiny' runs in torch$"):
            configure(alone, options)
    recorded = Options(changes=['framework="torch"'])  # by reproduce, which repeats every field of a record
    assert configure(replace(LAB, frameworks=("keras",)), recorded).framework == "torch"


def test_seeds_out_of_range_name_the_field() -> None:
    assert "seeds=5000" in refused(seeds=5000)


def test_every_field_says_its_range() -> None:
    fields = TinyConfig.model_fields
    assert allowed_values(fields["learning_rate"]) == "float, > 0, <= 1"
    assert allowed_values(fields["steps"]) == "int, >= 1, <= 100000"
    assert allowed_values(fields["framework"]) == "'torch' or 'keras'"
    assert all(field.description for field in fields.values())


def test_params_are_exact() -> None:
    config = TinyConfig(learning_rate=0.1 + 2**-54, text="plain")
    params = as_params(config)
    assert json.loads(params["learning_rate"]) == config.learning_rate
    assert params["text"] == "plain"
    assert json.loads(params["runtimes"]) == ["numpy"]
    assert params.keys() == TinyConfig.model_fields.keys()
