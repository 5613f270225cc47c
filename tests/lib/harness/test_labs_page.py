"""The page on the labs says what the code says."""

from __future__ import annotations

import pytest

from lib.harness.contract.texts import LANGUAGES, Language
from lib.mlp.mlp.lab import LAB
from lib.mlp.mlp.training import MlpConfig
from tests.lib.harness import labs_page
from tests.lib.harness.claims_page import written


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_tables_are_fresh(code: Language) -> None:
    text = labs_page.PAGES[code].read_text(encoding="utf-8")
    assert written(text, labs_page.TABLES[code]) == text, "run python -m tests.lib.harness.labs_page"


def test_the_trials_of_a_study_that_chooses_are_counted() -> None:
    """Of seven networks: two rates with three seeds each, then five seeds; and one trial by hand, five of neurons."""
    config = MlpConfig(seeds=5, grid_seeds=3, learning_rates=(1e-3, 1e-2))
    assert labs_page.trials_of(LAB, config) == 7 * 2 * 3 + 1 + 5 + 7 * 5
