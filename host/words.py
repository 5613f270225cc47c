"""The words after `python -m lib`, checked on the host so that a slip costs no container."""

from host.paths import ROOT
from lib.harness.catalogue import find_lab
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
    resume: str | None = None,
    on: str = "local",
) -> list[str]:
    """The words that run the lab `name`. Raises `UserError` for a name or value that no container could take.

    The lab's config checks the keys and ranges of `changes`; only their form is checked here.
    """
    entry = find_lab(ROOT, name)
    words = [name, *(["--quick"] if quick else []), *(["--portable"] if portable else [])]
    for option, text, least in (("--seeds", seeds, 1), ("--seed", seed, 0)):
        if text is None:
            continue
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise UserError(f"{option} {text}: a whole number of at least {least} is needed")
        words += [option, text]
    for change in changes:
        key, equals, value = change.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise UserError(f"--set {change}: it is KEY=VALUE, as in --set epochs=3")
        words += ["--set", change]
    if framework is not None:
        if framework not in entry.frameworks:
            raise UserError(f"--framework {framework}: {name} runs with {' or '.join(entry.frameworks)}")
        words += ["--framework", framework]
    if resume is not None:
        if len(words) > 1:
            raise UserError(f"--resume goes on as the run began: leave out {words[1]}")
        words += ["--resume", resume]
    if on not in PLACES:
        raise UserError(f"--on {on}: trials run on {' or '.join(PLACES)}")
    if on != "local":
        words += ["--on", on]
    return words
