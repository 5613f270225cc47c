"""The best of several variants, chosen by the other seeds."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.models.chosen import by_the_others, of_the_chosen
from tests.lib.decisions import made_up


def read(results: Results, variant: str) -> Any:
    return results.series(variant, "test")


def test_a_seed_does_not_choose_for_itself() -> None:
    errors = np.array([[0.1, 0.3], [0.5, 0.2], [0.5, 0.2], [0.5, 0.2]])
    assert list(by_the_others(errors)) == [1, 1, 1, 1]  # alone, the first seed would choose its own lucky variant


def test_the_best_of_many_equal_ones_is_no_better_than_one_of_them() -> None:
    """Of a hundred arms without any difference: chosen by its own seed the test error, which goes along, is lower."""
    values = np.random.default_rng(0).normal(size=(200, 100))
    chosen = values[np.arange(200), by_the_others(values)]
    assert abs(chosen.mean()) < 4 / np.sqrt(200)
    assert values.min(axis=1).mean() < -2


def test_what_is_read_is_that_of_the_variant_chosen() -> None:
    arms: dict[str, dict[str, Any]] = {
        "a": {"by": np.array([1.0, 1, 1]), "test": np.array([10, 11, 12])},
        "b": {"by": 2.0, "test": 0},
    }
    found = of_the_chosen(made_up(Config(seeds=3), arms), ["a", "b"], "by", read)
    assert (found.seeds, list(found.values)) == ((0, 1, 2), [10, 11, 12])


def test_seeds_without_all_variants_drop_out_and_nothing_to_choose_from_is_an_error() -> None:
    arms = {"a": {"by": 1.0, "test": 5}, "b": {"by": 2.0, "test": 0}}
    results = made_up(Config(seeds=3), arms)
    partly = Results([r for r in results if (r.trial.variant, r.trial.seed) != ("b", 1)])
    assert of_the_chosen(partly, ["a", "b"], "by", read).seeds == (0, 2)
    with pytest.raises(LookupError, match="no finished variant"):
        of_the_chosen(results, [], "by", read)
