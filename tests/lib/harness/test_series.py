"""Series: operators and NumPy's functions align by seed; the oracle is pandas, which aligns by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align
from lib.harness.contract.trial import Result, Trial
from tests.lib.harness.labs.tiny import TinyConfig

LEFT = Series((0, 1, 3, 4), [1.0, 2.0, 3.0, 4.0])
RIGHT = Series((1, 2, 4), [10.0, 20.0, 40.0])


def as_pandas(series: Series) -> pd.Series[float]:
    return pd.Series(series.values, index=series.seeds)


@pytest.mark.parametrize("operator", ["__add__", "__sub__", "__mul__", "__truediv__", "__rtruediv__", "__rsub__"])
def test_operators_align_as_pandas_does(operator: str) -> None:
    ours = getattr(LEFT, operator)(RIGHT)
    theirs = getattr(as_pandas(LEFT), operator)(as_pandas(RIGHT)).dropna()
    assert (list(ours.seeds), ours.values.tolist()) == (theirs.index.tolist(), theirs.tolist())


def test_numpys_functions_align_and_say_whether_values_still_belong_to_seeds() -> None:
    larger: Any = np.maximum(LEFT, RIGHT)
    assert (larger.seeds, larger.values.tolist()) == ((1, 4), [10.0, 40.0])
    chosen: Any = np.where(LEFT > 3, LEFT, RIGHT)
    assert (chosen.seeds, chosen.values.tolist()) == ((1, 4), [10.0, 4.0])
    stacked: Any = np.stack([LEFT, RIGHT, RIGHT], axis=1)
    middle: Any = np.median(stacked, axis=1)
    assert (middle.seeds, middle.values.tolist()) == ((1, 4), [10.0, 40.0])
    assert (stacked.seeds, stacked.values.tolist()) == ((1, 4), [[2.0, 10.0, 10.0], [4.0, 40.0, 40.0]])
    assert np.mean(LEFT) == LEFT.mean() == 2.5
    assert np.asarray(RIGHT).tolist() == [10.0, 20.0, 40.0]


def test_a_part_of_every_value_and_a_function_of_every_value() -> None:
    curves = Series((2, 5), [[1.0, 2.0], [3.0, 4.0]])
    assert (curves[:, -1] - curves[:, 0]).values.tolist() == [1.0, 1.0]
    assert curves.mean(axis=1).values.tolist() == [1.5, 3.5]
    assert curves.map(np.sum).values.tolist() == [3.0, 7.0]
    with pytest.raises(IndexError, match="over"):
        curves[0]


def test_what_would_pair_different_seeds_is_refused() -> None:
    with pytest.raises(LookupError, match="share no seed"):
        LEFT - Series((7,), [1.0])
    with pytest.raises(ValueError, match="one value per seed"):
        bool(LEFT > RIGHT)
    with pytest.raises(ValueError, match="do not label"):
        Series((1, 0), [1.0, 2.0])
    first, second = align(LEFT, RIGHT)
    assert first.seeds == second.seeds == (1, 4)


def test_results_are_labelled_by_seed_and_a_table() -> None:
    def result(variant: str, seed: int, status: str = "FINISHED", **found: float) -> Result:
        return Result(Trial(variant, TinyConfig(), seed), f"{variant}{seed}", status, found)  # type: ignore[arg-type]

    results = Results([result("a", 1, loss=2.0), result("a", 0, loss=1.0), result("b", 0, "FAILED")])
    assert (results["a"].loss.seeds, results["a"]["loss"].values.tolist()) == ((0, 1), [1.0, 2.0])
    with pytest.raises(LookupError, match=r"no measurement 'los' of variant 'a'; it has: loss"):
        results["a"]["los"]
    table = results.table()
    assert table[["variant", "seed", "status"]].to_numpy().tolist() == [
        ["a", 1, "FINISHED"],
        ["a", 0, "FINISHED"],
        ["b", 0, "FAILED"],
    ]
    assert table["loss"].fillna(-1).tolist() == [2.0, 1.0, -1.0]
