"""Completion of `./invoke …` in a shell: commands, options, their values, labs and the keys of `--set`."""

from collections.abc import Iterable
from pathlib import Path

from host.bootstrap.paths import ROOT
from host.command.summaries import summaries
from lib.harness.contract.catalogue import read_catalogue
from lib.harness.contract.options import Option, options_of
from lib.harness.errors import UserError, short

COMPLETE = "--complete"
"""`./invoke --complete WORDS` prints the words that the last one, which may be empty, can become."""
SCRIPTS = Path(__file__).parent / "completion_scripts"
LAB_COMMANDS = ("lab", "sweep")


def shells() -> list[str]:
    """The shells for which there is a script."""
    return sorted(file.suffix[1:] for file in SCRIPTS.iterdir())


def script(shell: str) -> str:
    """The lines that a shell reads at its start. Raises `UserError` for a shell that has none."""
    if shell not in shells():
        raise UserError(f"completion {short(shell)}: the shell is {' or '.join(shells())}")
    return (SCRIPTS / f"complete.{shell}").read_text(encoding="utf-8")


def candidates(words: list[str]) -> list[str]:
    """The words that the last of `words` can become; those before it are whole."""
    *before, current = words or [""]
    try:
        return sorted({word for word in _possible(before, current) if word.startswith(current)})
    except (OSError, UserError):  # a lab that cannot be read has no keys
        return []


def _possible(before: list[str], current: str) -> Iterable[str]:
    if not before:
        return summaries()
    command, *given = before
    valued = next((option for option in options_of(command) if given and option.flag == given[-1]), None)
    if valued and valued.metavar:
        return _values(command, valued, given)
    if current.startswith("-"):
        options = [option for option in options_of(command) if option.repeatable or option.flag not in given]
        return ["--help", *(option.flag for option in options)]
    if command in LAB_COMMANDS and not given:
        return _labs()
    return shells() if command == "completion" and not given else []


def _values(command: str, option: Option, given: list[str]) -> Iterable[str]:
    """The values of an option, as far as they are known."""
    if option.name == "set":
        from host.command.keys import keys_of_lab

        return [f"{key.name}=" for key in keys_of_lab(given[0])]
    if option.name == "only" and command in {"claims", "report"}:
        return _labs()
    return option.choices or (option.metavar.split("|") if "|" in option.metavar else [])


def _labs() -> list[str]:
    return [*read_catalogue(ROOT).labs]
