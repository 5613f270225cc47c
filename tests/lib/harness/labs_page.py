"""The tables of docs/labs.md and docs/labs.ko.md, from the code.

``python -m tests.lib.harness.labs_page`` writes them into the pages.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.contract.trial import Result, Trial
from tests.lib.harness.claims_page import NONE, ROOT, Tables, line, written

PAGES = {"en": ROOT / "docs" / "labs.md", "ko": ROOT / "docs" / "labs.ko.md"}
ANSWER: dict[str, Any] = {
    "validation_loss": 1.0,
    "validation_accuracy": 0.5,
    "learned": [True],
    "steps": [1],
    "scores": [1.0],
    "best": {"made up": 0.1},
}
"""What a study reads of a trial that chooses something: here all choices are alike."""
PRUNED = ("automl",)
"""Labs that ask for as many trials as their searches leave time for, by what they prune."""


def answered(trial: Trial) -> Result:
    """The result of a trial that has not run."""
    return Result(trial, trial.variant, "FINISHED", ANSWER)


def trials_of(lab: Lab, config: Config) -> int:
    """The number of trials that a study asks for."""
    study, count = lab.begin(config, 0), 0
    batch = next(study, None)
    while batch is not None:
        count += len(batch)
        try:
            batch = study.send([answered(trial) for trial in batch])
        except StopIteration:
            batch = None
    return count


@cache
def labs() -> list[Lab]:
    """The lecture's labs, in their order."""
    return [importlib.import_module(entry.module).LAB for entry in find_labs(ROOT).values()]


def summaries(code: Language) -> list[str]:
    """A line for each lab with its summary."""
    return [line(f"`{lab.name}`", lab.summary if code == "en" else lab.korean) for lab in labs()]


def sizes() -> list[str]:
    """A line for each lab with its minutes in full, and its trials in full and with ``--quick``."""

    def trials(lab: Lab, quick: bool) -> str:
        return NONE if lab.name in PRUNED else f"{trials_of(lab, configure(lab, Options(quick=quick)))}"

    return [line(f"`{lab.name}`", f"{lab.minutes:g}", trials(lab, False), trials(lab, True)) for lab in labs()]


TABLES: dict[Language, Tables] = {
    "en": {
        line("lab", "shows"): lambda: summaries("en"),
        line("lab", "minutes in full", "trials in full", "trials with `--quick`"): sizes,
    },
    "ko": {
        line("실습", "보이는 것"): lambda: summaries("ko"),
        line("실습", "전체 실행 (분)", "전체 시행 수", "`--quick`의 시행 수"): sizes,
    },
}

if __name__ == "__main__":
    for language in LANGUAGES:
        page = PAGES[language]
        page.write_text(written(page.read_text(encoding="utf-8"), TABLES[language]), encoding="utf-8")
