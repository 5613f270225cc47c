"""The study, the config, the claims and the pictures."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import grid_seed
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge_all
from lib.optimizers.experiments.arms import arms
from lib.optimizers.experiments.config import LECTURE, OptimizersConfig
from lib.optimizers.lab import BEYOND, LAB, ROWS
from tests.lib.optimizers_lab.support import only
from tests.lib.support import Recording, run_study, run_trial

TINY = {"steps": 60, "hold": 5, "grid_points": 8, "starts": 4, "seeds": 2}
NUMPY = (
    "descent",
    "stochastic",
    "forms",
    "rates",
    "identities",
    "functions-grid",
    "functions-final",
)


@pytest.fixture(scope="module")
def measured() -> Results:
    """All experiments that need no framework, tiny, really run."""
    return run_study(LAB, OptimizersConfig(**TINY), only(*NUMPY))


def answers(trials: list[Trial]) -> list[Result]:
    """Results as trials of grids give them, with a best rate that depends on the optimizer."""
    results = []
    for trial in trials:
        config = trial.config
        assert isinstance(config, OptimizersConfig)
        found: dict[str, object] = {}
        if trial.variant.startswith("lenet/grid/"):
            wanted = 10 ** -(1.5 + [*LECTURE, "AdamW", "Lion", "Muon"].index(config.optimizer) / 4)
            found = {"validation_loss": abs(np.log(config.learning_rates["lenet"] / wanted))}
        elif trial.variant.startswith("functions/grid/"):
            found = {"best": {"beale": 0.1 * (1 + LECTURE.index(config.optimizer))}}
        results.append(Result(trial, trial.variant, "FINISHED", found))
    return results


def asked(config: OptimizersConfig) -> list[list[Trial]]:
    study = LAB.begin(config, 0)
    batches = [next(study)]
    while True:
        try:
            batches.append(study.send(answers(batches[-1])))
        except StopIteration:
            return batches


def keys(trials: list[Trial]) -> list[tuple[str, int, str]]:
    return [(trial.variant, trial.seed, trial.config.model_dump_json()) for trial in trials]


def test_the_study_asks_the_same_whatever_the_batch() -> None:
    whole = [key for batch in asked(OptimizersConfig(batch=1_024)) for key in keys(batch)]
    small = [key for batch in asked(OptimizersConfig(batch=7)) for key in keys(batch)]
    for key in whole:  # the batch itself is part of a trial's config
        assert key[2].count('"batch":1024') == 1
    assert [(v, s) for v, s, _ in whole] == [(v, s) for v, s, _ in small]


def test_finals_have_the_rates_that_the_grids_chose() -> None:
    trials = [trial for batch in asked(OptimizersConfig()) for trial in batch]
    finals = {t.variant: t.config for t in trials if t.function in ("lenet-final", "functions-final") and t.seed == 0}
    rates = {name: finals[f"lenet/{name}"].learning_rates["lenet"] for name in LECTURE}  # type: ignore[attr-defined]
    assert rates["GradientDescent"] == pytest.approx(10**-1.5)
    assert rates["NAdam"] == pytest.approx(10**-3.0, rel=1e-6) or rates["NAdam"] == pytest.approx(10**-3.5, rel=1e-6)
    assert finals["functions/final"].learning_rates["Momentum/beale"] == pytest.approx(0.2)  # type: ignore[attr-defined]


def test_a_rate_at_which_one_start_fails_or_diverges_is_not_chosen() -> None:
    study = LAB.begin(OptimizersConfig(), 0)
    results = answers(next(study))
    grid = [i for i, r in enumerate(results) if r.trial.variant.startswith("lenet/grid/Adam/")]
    one_start = [i for i in grid if results[i].trial.seed == grid_seed(1)]
    undefined, infinite, failed = one_start[1:4]  # at the rates that would be best
    results[undefined] = replace(results[undefined], measurements={"validation_loss": np.nan})
    results[infinite] = replace(results[infinite], measurements={"validation_loss": np.inf})
    results[failed] = replace(results[failed], status="FAILED", measurements={})
    final = next(trial for trial in study.send(results) if trial.variant == "lenet/Adam")
    assert final.config.learning_rates["lenet"] == pytest.approx(10**-2.0)  # type: ignore[attr-defined]


def test_an_arm_with_a_schedule_has_a_grid_and_a_rate_of_its_own() -> None:
    trials = [trial for batch in asked(OptimizersConfig(lenet_seeds=1)) for trial in batch]
    configs = {t.variant: t.config for t in trials if t.function.startswith("lenet-")}
    one: Any = configs["lenet/Adam-cosine"]
    assert (one.optimizer, one.schedule) == ("Adam", "cosine")
    tried = [config for variant, config in configs.items() if variant.startswith("lenet/grid/Adam-cosine/")]
    assert len(tried) == OptimizersConfig().lenet_grid_points
    assert {config.schedule for config in tried} == {"cosine"}  # type: ignore[attr-defined]
    plain = [config for variant, config in configs.items() if variant.startswith("lenet/grid/Adam/")]
    assert {config.schedule for config in plain} == {"constant"}  # type: ignore[attr-defined]


def test_every_arm_has_every_seed_so_that_claims_are_paired() -> None:
    trials = [trial for batch in asked(OptimizersConfig(lenet_seeds=3)) for trial in batch]
    for name in arms(OptimizersConfig()):
        assert sorted(t.seed for t in trials if t.variant == f"lenet/{name}") == [0, 1, 2]


def test_a_grid_that_failed_leaves_its_optimizer_out() -> None:
    study = LAB.begin(OptimizersConfig(), 0)
    results = [
        Result(r.trial, r.run, "FAILED") if r.trial.variant.endswith("grid/Adam") else r for r in answers(next(study))
    ]
    (final,) = {frozenset(t.config.learning_rates) for t in study.send(results) if t.variant == "functions/final"}  # type: ignore[attr-defined]
    assert "Momentum/beale" in final
    assert "Adam/beale" not in final


def test_the_study_runs_every_trial_function_of_the_lab() -> None:
    assert {trial.function for batch in asked(OptimizersConfig()) for trial in batch} == LAB.trials.keys()  # type: ignore[union-attr]


def test_keras_runs_the_keras_side() -> None:
    trials = [trial for batch in asked(OptimizersConfig(framework="keras")) for trial in batch]
    assert {t.runtime.framework for t in trials if t.variant.startswith("lenet/")} == {"keras"}
    assert {t.runtime.framework for t in trials if t.variant == "frameworks/torch"} == {"torch"}


def test_quick_is_a_valid_config_and_smaller() -> None:
    full, quick = configure(LAB, Options()), configure(LAB, Options(quick=True))
    assert isinstance(full, OptimizersConfig)
    assert isinstance(quick, OptimizersConfig)
    assert quick.steps < full.steps
    assert sum(map(len, asked(quick))) < sum(map(len, asked(full)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("target", 0.0),
        ("lenet_pictures", 60_000),
        ("optimizer", "SGD"),
        ("schedule", "step"),
        ("hold", 0),
        ("lenet_scheduled", ("Lion",)),
        ("lenet_optimizers", ()),
        ("x", 1),
    ],
)
def test_bad_settings_name_the_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        OptimizersConfig.model_validate({field: value})
    assert caught.value.errors()[0]["loc"][0] == field


def test_every_field_says_why() -> None:
    for name, field in OptimizersConfig.model_fields.items():
        assert field.description, name


def test_claims_cover_the_lecture_and_have_a_range() -> None:
    assert tuple(dict.fromkeys(claim.row for claim in LAB.claims)) == (*ROWS, *BEYOND)
    assert len({claim.id for claim in LAB.claims}) == len(LAB.claims)
    for claim in LAB.claims:
        assert claim.range_text, claim.id


def test_claims_are_functions_of_the_measurements(measured: Results) -> None:
    finished = [result for result in measured if result.status == "FINISHED"]
    first = judge_all(LAB.claims, Results(finished), LAB.name)
    again = judge_all(LAB.claims, Results(finished[::-1]), LAB.name)
    assert repr(first) == repr(again)
    verdicts = {record["id"]: record["verdict"] for record in first}
    for exact in (
        "gradient-descends/step",
        "gradient-descends/divergence",
        "momentum-forms",
        "adagrad-decays",
        "rmsprop-improves-adagrad/recovers",
        "adam-is-the-sum/rmsprop",
        "adam-is-the-sum/adagrad",
        "adam-is-the-sum/momentum",
        "adamax-nadam/nesterov",
    ):
        assert verdicts[exact] == "holds", exact
    assert verdicts["nobody-writes-them"] == "not measured"


def test_a_trial_repeats_and_another_seed_differs() -> None:
    trial = Trial("stochastic", OptimizersConfig(**TINY), 0, function="stochastic")
    other = Trial("stochastic", trial.config, 1, function="stochastic")
    logs = [Recording(), Recording()]
    first, again = (run_trial(LAB, trial, log) for log in logs)
    assert first.measurements == again.measurements
    assert logs[0].values == logs[1].values
    assert run_trial(LAB, other).measurements["slope"] != first.measurements["slope"]


WITHOUT_FRAMEWORK = sorted(LAB.figures.keys() - {"frameworks", "lenet-sensitivity", "lenet-curves", "after-adam"})


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", WITHOUT_FRAMEWORK)
def test_pictures_are_drawn(name: str, code: Language, measured: Results) -> None:
    if not can_draw(code):
        pytest.skip("the font with Hangul is not installed")
    with language(code), style():
        figure = LAB.figures[name](measured, OptimizersConfig(**TINY))
        figure.draw_without_rendering()
    axes: Iterator[object] = iter(figure.axes)
    assert any(axis.has_data() for axis in axes)  # type: ignore[attr-defined]


def test_the_animation_moves(measured: Results) -> None:
    with style():
        animation = LAB.animations["paths-animated"](measured, OptimizersConfig(**TINY))
        (axis,) = animation._fig.axes
        lines = [line for line in axis.lines if len(line.get_label()) and not line.get_label().startswith("_")]
        assert len(lines) == len(LECTURE)
        animation._func(0)
        before = [len(line.get_xdata()) for line in lines]
        animation._func(5)
        assert all(len(line.get_xdata()) > n for line, n in zip(lines, before, strict=True))
        animation._draw_was_started = True  # it was not shown and need not be
