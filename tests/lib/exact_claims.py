"""Exact claims do not turn over by root seed: the trials that they read, really run with twenty of them."""

from __future__ import annotations

from collections.abc import Collection

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from lib.harness.recording.recorder import plain
from tests.lib.support import DTYPES, Recording

ROOTS = range(1, 21)


def run_with(lab: Lab, trial: Trial, root: int, log: type[Recording] = Recording) -> Result:
    """The result of one trial of a run with this root seed."""
    with DTYPES[trial.runtime.framework](trial.runtime.dtype):
        found = lab.function(trial)(trial.config, Seed(root).child("trial", trial.seed), log())
    return Result(trial, trial.variant, "FINISHED", plain(found))


def turning(
    lab: Lab,
    config: Config,
    variants: Collection[str],
    *,
    only: Collection[str] = (),
    without: Collection[str] = (),
    fails: Collection[str] = (),
    roots: range = ROOTS,
    log: type[Recording] = Recording,
) -> list[str]:
    """A line for each exact claim and root seed whose verdict is not the one that it has for all: none.

    Args:
        lab: whose exact claims are judged.
        config: of its study.
        variants: that the claims read, in the study's first batch; each runs with the first of its seeds.
        only: ids of the claims that are judged; all unless given.
        without: ids of claims that are left out, as they read other variants or a time.
        fails: ids of claims that fail; all others hold.
        roots: root seeds.
        log: one that takes times, where the trials measure some.
    """
    exact = [claim for claim in lab.claims if claim.kind == "exact"]
    claims = [claim for claim in exact if claim.id not in without and (not only or claim.id in only)]
    assert {claim.id for claim in exact} >= {*only, *without}
    assert {claim.id for claim in claims} >= set(fails)
    lines = []
    for root in roots:
        trials = [trial for trial in next(lab.begin(config, root)) if trial.variant in variants and trial.seed == 0]
        assert {trial.variant for trial in trials} == set(variants)
        results = Results([run_with(lab, trial, root, log) for trial in trials])
        for record in (judge(claim, results, lab.name) for claim in claims):
            if record["verdict"] != ("fails" if record["id"] in fails else "holds"):
                lines.append(
                    f"{record['id']}, root seed {root}: {record['verdict']} {record['effect']} {record['note']}"
                )
    return lines
