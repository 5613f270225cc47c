"""Results whose arms have changed places: what held of one of them must then fail."""

from __future__ import annotations

from dataclasses import replace

from lib.harness.contract.results import Results


def swapped(results: Results, *pairs: tuple[str, str]) -> Results:
    """The same results with the names of these variants exchanged, pair by pair."""
    names = {old: new for pair in pairs for old, new in (pair, pair[::-1])}
    trials = [replace(r.trial, variant=names.get(r.trial.variant, r.trial.variant)) for r in results]
    return Results([replace(result, trial=trial) for result, trial in zip(results, trials, strict=True)])
