"""The words after `python -m lib`, checked on the host so that a slip costs no container."""

from host.bootstrap.paths import ROOT
from lib.harness.contract.catalogue import find_lab
from lib.harness.contract.options import NO_TRIALS, PRUNERS, SAMPLERS, SPACE_FORMS
from lib.harness.errors import UserError

PLACES = ("local", "ray")
"""Where trials run."""


def lab(
    name: str,
    *,
    quick: bool,
    seeds: str | None,
    seed: str | None,
    changes: list[str],
    framework: str | None,
    portable: bool = False,
    config: str | None = None,
    resume: str | None = None,
    on: str = "local",
    gpu: bool = False,
) -> list[str]:
    """The words that run the lab `name`. Raises `UserError` for a name or value that no container could take.

    The lab's config checks the keys and ranges of `changes`; only their form is checked here.
    """
    if gpu and portable:
        raise UserError("--gpu --portable: one of them; the same bits on every CPU are not to be had on a GPU")
    words = [*(["--portable"] if portable else []), *_numbers(("--seeds", seeds, 1))]
    if config is not None:
        if config != "best":
            raise UserError(f"--config {config}: it is best, which is what the last sweep of the lab has found")
        words += ["--config", config]
    if gpu and resume is not None:
        _require_framework(name, framework)
        framework = None  # it chooses the image in which the run began, and the run has the rest
    words += _trials(name, quick=quick, seed=seed, changes=changes, framework=framework)
    return [*_begun([name], words, resume, on), *(["--gpu"] if gpu else [])]


def sweep(
    name: str,
    *,
    trials: str | None,
    sampler: str | None,
    pruner: str | None,
    space: list[str],
    batch: str | None,
    fresh: str | None,
    quick: bool,
    seed: str | None,
    changes: list[str],
    framework: str | None,
    resume: str | None = None,
    on: str = "local",
) -> list[str]:
    """The words that search the settings of the lab `name`; raises `UserError` as `lab` does."""
    find_lab(ROOT, name)
    if trials is None and resume is None:
        raise UserError(f"sweep {name}: {NO_TRIALS}")
    words = [*_numbers(("--trials", trials, 1), ("--batch", batch, 1), ("--fresh", fresh, 0))]
    for option, text, known in (("--sampler", sampler, SAMPLERS), ("--pruner", pruner, PRUNERS)):
        if text is None:
            continue
        if text not in known:
            raise UserError(f"{option} {text}: it is one of {', '.join(known)}")
        words += [option, text]
    for part in space:
        key, equals, value = part.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise UserError(f"--space {part}: it is {SPACE_FORMS}")
        words += ["--space", part]
    words += _trials(name, quick=quick, seed=seed, changes=changes, framework=framework)
    return _begun(["sweep", name], words, resume, on)


def _numbers(*options: tuple[str, str | None, int]) -> list[str]:
    """The options that are said, each a whole number of at least the last one of its three."""
    words = []
    for option, text, least in options:
        if text is None:
            continue
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise UserError(f"{option} {text}: a whole number of at least {least} is needed")
        words += [option, text]
    return words


def _trials(name: str, *, quick: bool, seed: str | None, changes: list[str], framework: str | None) -> list[str]:
    """What a lab and its sweep have in common."""
    _require_framework(name, framework)
    words = [*(["--quick"] if quick else []), *_numbers(("--seed", seed, 0))]
    for change in changes:
        key, equals, value = change.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise UserError(f"--set {change}: it is KEY=VALUE, as in --set epochs=3")
        words += ["--set", change]
    return [*words, *(["--framework", framework] if framework is not None else [])]


def _require_framework(name: str, framework: str | None) -> None:
    """Raises `UserError` when there is no such lab, or when it does not run with the framework that is said."""
    entry = find_lab(ROOT, name)
    if framework is not None and framework not in entry.frameworks:
        raise UserError(f"--framework {framework}: {name} runs with {' or '.join(entry.frameworks)}")


def _begun(name: list[str], options: list[str], resume: str | None, on: str) -> list[str]:
    """The words of a run that begins, or that is taken up: as it began, wherever its trials run."""
    if on not in PLACES:
        raise UserError(f"--on {on}: trials run on {' or '.join(PLACES)}")
    if resume is not None and options:
        raise UserError(f"--resume goes on as the run began: leave out {options[0]}")
    words = [*name, *options, *(["--resume", resume] if resume is not None else [])]
    return [*words, *(["--on", on] if on != "local" else [])]
