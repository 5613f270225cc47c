"""What each lab searches by: a real trial, as small as the lab allows, is judged by a number on validation data."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Search
from tests.lib.support import Recording, run_trial

LABS = find_labs(Path(__file__).resolve().parents[2])
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"digits_epochs": 1, "digits_pictures": 200, "digits_hidden": (8,)},
    "overfitting": {"epochs": 2, "large": 8},
    "dropout": {"epochs": 2, "hidden": 8},
    "activations": {"epochs": 1, "deep": 2},
    "convolution": {"epochs": 1, "pictures": 200, "judged": 100},
    "lenet": {"grid_epochs": 2, "pictures": 200, "judged": 100},
    "automl": {"epochs": 2, "pictures": 200, "judged": 100},
    "hub": {"epochs": 1, "pictures": 500, "judged": 100},
    "rnn": {"training_steps": 30},
    "seq2seq": {"words": 300, "tuning_words": 300, "width": 8, "embedding": 4, "validated": 20},
    "elmo": {"steps": 2, "vocabulary": 500, "width": 8},
    "gpt": {"steps": 8, "layers": 1, "width": 32, "heads": 1, "sample": 10},
    "bert": {"steps": 8, "vocabulary": 200, "width": 8, "tokens": 64, "hidden": 20},
    "paradigms": {"epochs": 2, "hidden": 8},
}


def lab_of(name: str) -> Lab:
    lab: Lab = importlib.import_module(LABS[name].module).LAB
    return lab


def test_every_lab_that_searches_is_tried_here() -> None:
    assert {name for name in LABS if isinstance(lab_of(name).search, Search)} == SMALL.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_judged_trial_gives_what_the_search_wants_and_reports_it_on_the_way(name: str) -> None:
    lab = lab_of(name)
    search = lab.search
    assert isinstance(search, Search)
    log = Recording()
    result = run_trial(lab, search.trial(lab.config(**SMALL[name])), log)
    reports = tuple(float(values[search.reported]) for _, values in log.values if search.reported in values)
    judged = search.judged(replace(result, reports=reports))
    assert math.isfinite(judged)
    assert bool(reports) is bool(search.reported)
    if reports:
        assert reports[-1] == judged  # on the same scale, and up to the end
