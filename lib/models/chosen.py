"""The best of several variants, chosen for each seed by the *other* seeds on validation pictures.

So neither a seed's own luck nor a test picture has a part in the choice, and an arm with many settings to choose from
gains nothing by their number alone: the best of many equal ones is no better than one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align


def by_the_others(values: np.ndarray) -> np.ndarray:
    """For each seed the index of the variant with the least mean of all other seeds: (seeds,).

    Args:
        values: (seeds, variants), of validation pictures, less is better.
    """
    others = values.sum(axis=0) - values
    return np.asarray(others.argmin(axis=1))


def of_the_chosen(results: Results, variants: Sequence[str], by: str, read: Callable[[Results, str], Series]) -> Series:
    """Return what `read` gives of the variant that each seed is assigned: (seeds, …).

    Args:
        results: of the study.
        variants: to choose from.
        by: the measurement on validation pictures, less is better.
        read: from the results and a variant to what is wanted of it, (seeds, …).

    Raises:
        LookupError: there is nothing to choose from, or no seed has all of the variants.
    """
    if not variants:
        raise LookupError("there is no finished variant to choose from")
    each = align(*(results.series(variant, by) for variant in variants), *(read(results, name) for name in variants))
    validation, wanted = each[: len(variants)], each[len(variants) :]
    indices = by_the_others(np.stack([one.values for one in validation], axis=1))
    return Series(each[0].seeds, [wanted[index].values[seed] for seed, index in enumerate(indices)])
