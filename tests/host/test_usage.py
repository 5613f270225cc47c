"""Bad input: one line that names what was wrong and the remedy, exit code 2, before any container starts."""

import re

import pytest

from host.command import docs
from lib.harness import __version__
from lib.harness.contract.options import ARGUMENTS, OPTIONS, options_of
from tests.host.conftest import NO_ENGINE, Invoke, one_line

COMMANDS = {
    "up": "--gpu --framework --workers --internet --new-token --local",
    "down": "--volumes",
    "status": "--json",
    "lab": "NAME|PATH --quick --seeds --seed --set --framework --portable --gpu --config --on --workers --resume "
    "--debug --rehearse --json --local",
    "sweep": "NAME|PATH --quick --seed --set --framework --trials --sampler --pruner --space --batch --fresh --on "
    "--workers --resume --json --local",
    "labs": "--json",
    "claims": "--workers --only --quick --seed --json --expect --publish --local",
    "report": "--only --out --folder --local",
    "site": "--out --execute --local",
    "reproduce": "RUN|every --image --ops --trial --step --out",
    "diff": "RUN|FILE RUN|FILE --json",
    "export": "RUN|all:NAME --out --local",
    "import": "FOLDER --local",
    "sync": "--from-local --local",
    "forget": "RUN --older-than --local",
    "backup": "FILE",
    "restore": "FILE --replace",
    "build": "--gpu --check",
    "images": "--json",
    "clean": "--yes",
    "bundle": "--out",
    "load": "FILE --sha256",
    "lock": "--check",
    "doctor": "--json --fix --yes",
    "completion": "bash|zsh",
    "bench": "--json --only --local",
    "test": "--all --only -k --gpu-images --local",
    "torture": "--minutes --planted --replay --local",
}
"""The commands with their arguments and options: who changes them changes what users and scripts rely on."""


def test_the_commands_and_options_are_the_ones_that_are_promised(invoke: Invoke) -> None:
    for name, promised in COMMANDS.items():
        table = [argument.metavar for argument in ARGUMENTS.get(name, ())]
        table += [option.flag for option in options_of(name)]
        assert " ".join(table) == promised, name
    assert {name for option in OPTIONS for name in option.commands} | ARGUMENTS.keys() <= COMMANDS.keys()
    for name in ("lab", "import", "test"):
        shown = re.findall(r"^  (-{1,2}[a-z-]+)", invoke(name, "--help").stdout, re.MULTILINE)
        arguments = [f"--{argument.name}" for argument in ARGUMENTS.get(name, ())]
        assert set(shown) == {*arguments, *(word for word in COMMANDS[name].split() if word.startswith("-"))}


def test_the_page_of_the_commands_is_current() -> None:
    assert docs.commands() == list(COMMANDS)
    assert docs.FILE.read_text(encoding="utf-8") == docs.page(), "python -m host.command.docs"


def test_the_version_is_said(invoke: Invoke) -> None:
    assert invoke("--version").stdout == f"Fearless Labs {__version__}\n"


def test_help_of_a_lab_has_the_keys_of_its_config(invoke: Invoke) -> None:
    outcome = invoke("lab", "dropout", "--help", env={"COLUMNS": "200"})
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith(invoke("lab", "--help").stdout.rstrip())
    assert re.search(r"^label_noise +float, >= 0, <= 1 +0\.3 +share of labels", outcome.stdout, re.MULTILINE)
    assert re.search(r"^seeds +int, >= 1, <= 1000 +8 +more than the 5", outcome.stdout, re.MULTILINE)


def test_the_list_has_every_command_with_one_line_each(invoke: Invoke) -> None:
    outcome = invoke("--list")
    assert outcome.returncode == 0
    rows = [line for line in outcome.stdout.splitlines()[1:] if line.strip()]
    assert [row.split()[0] for row in rows] == list(COMMANDS)
    assert all(len(row) <= 80 and row.endswith(".") for row in rows)


def test_no_arguments_list_the_commands(invoke: Invoke) -> None:
    assert invoke().stdout == invoke("--list").stdout == invoke("--help").stdout


def test_help_of_a_command_either_way_round(invoke: Invoke) -> None:
    asked = invoke("lab", "--help")
    assert asked.returncode == 0
    assert "KEY=VALUE" in asked.stdout
    assert asked.stdout == invoke("--help", "lab").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["labb"], ["'labb'", "Nearest: lab, labs", "./invoke --list"]),
        (["up", "--worker", "3"], ["'--worker'", "./invoke up --help"]),
        (["lab", "optimizers", "--seedz", "3"], ["'--seedz'", "--seeds", "./invoke lab --help"]),
        (["lab"], ["name", "./invoke lab --help"]),
        (["lab", "optimisers"], ["'optimisers'", "Nearest: optimizers", "./invoke labs"]),
        (["lab", "optimizers", "--set", "epochs"], ["--set epochs", "KEY=VALUE"]),
        (["lab", "optimizers", "--set", "=3"], ["--set =3", "KEY=VALUE"]),
        (["lab", "optimizers", "--seeds", "0"], ["--seeds 0", "at least 1"]),
        (["lab", "optimizers", "--config", "worst"], ["--config worst", "it is best"]),
        (["sweep", "lenet"], ["sweep lenet", "--trials 30"]),
        (["sweep", "lenett", "--trials", "3"], ["'lenett'", "Nearest: lenet"]),
        (["sweep", "lenet", "--trials", "none"], ["--trials none", "at least 1"]),
        (["sweep", "lenet", "--trials", "3", "--sampler", "magic"], ["--sampler magic", "tpe, random, grid, cmaes"]),
        (["sweep", "lenet", "--trials", "3", "--pruner", "shears"], ["--pruner shears", "median, none"]),
        (["sweep", "lenet", "--trials", "3", "--space", "epochs"], ["--space epochs", "KEY=LOW:HIGH"]),
        (["sweep", "lenet", "--trials", "3", "--resume", "last:lenet"], ["--resume", "leave out --trials"]),
        (["lab", "optimizers", "--seed", "-1"], ["--seed -1", "at least 0"]),
        (["lab", "optimizers", "--seeds", "three"], ["--seeds three", "whole number"]),
        (["lab", "optimizers", "--workers", "0"], ["--workers 0", "at least 1"]),
        (["sweep", "optimizers", "--trials", "2", "--workers", "two"], ["--workers two", "at least 1"]),
        (["claims", "--workers", "0"], ["--workers 0", "at least 1"]),
        (["lab", "optimizers", "--workers", "2", "--on", "ray"], ["--workers 2 and --on ray", "cannot be combined"]),
        (["lab", "optimizers", "--on", "dask"], ["--on dask", "local or ray"]),
        (["lab", "optimizers", "--resume", "last:optimizers", "--quick"], ["--resume", "leave out --quick"]),
        (["up", "--workers", "none"], ["--workers none", "at least 1"]),
        (["up", "--new-token", "--local"], ["--new-token", "local mode", ".env"]),
        (["up", "--internet", "--local"], ["--internet and --local cannot be combined", "local mode"]),
        (["lab", "optimizers", "--debug", "--rehearse"], ["--debug and --rehearse", "cannot be combined"]),
        (["lab", "optimizers", "--debug", "--on", "ray"], ["--debug", "--on ray", "cannot be combined"]),
        (["lab", "optimizers", "--rehearse", "--resume", "last:optimizers"], ["--rehearse", "--resume"]),
        (["lab", "optimisers", "--help"], ["'optimisers'", "Nearest: optimizers", "./invoke labs"]),
        (["lab", "optimizers", "--framework", "jax"], ["--framework jax", "torch or keras"]),
        (["claims", "--publish", "--quick"], ["--publish and --quick", "full runs"]),
        (["claims", "--expect", "nowhere.json"], ["--expect nowhere.json", "no such file"]),
        (["claims", "--only", "dropoot"], ["'dropoot'", "Nearest: dropout"]),
        (["report", "--only", "dropoot"], ["'dropoot'", "Nearest: dropout"]),
        (["report", "--only", "some/lab.py"], ["--only some/lab.py", "path", "labs/mine"]),
        (["export", "last:dropout", "--out", "."], ["--out .", "new folder"]),
        (["export", "last:dropout", "--out", "nowhere/records"], ["--out nowhere/records", "no folder"]),
        (["import", "nowhere"], ["nowhere", "./invoke export"]),
        (["report", "--out", "missing/report.html"], ["--out missing/report.html", "no folder"]),
        (["report", "--out", "."], ["--out .", "a folder", "--folder"]),
        (["report", "--folder", "."], ["--folder .", "there already"]),
        (["report", "--folder", "missing/page"], ["--folder missing/page", "no folder"]),
        (["report", "--folder", "page", "--out", "page.html"], ["--out and --folder", "cannot be combined"]),
        (["test", "--only", "everything"], ["--only everything", "lint, harness, lib, lessons, host, browser"]),
        (["torture", "--minutes", "soon"], ["--minutes soon", "whole number"]),
        (["torture", "--minutes", "0"], ["--minutes 0", "at least 1"]),
        (["torture", "--replay", "luck:1"], ["--replay luck:1", "simulation, lab, sync"]),
        (["torture", "--planted", "--replay", "lab"], ["--planted and --replay", "cannot be combined"]),
        (["bench", "--only", "speed"], ["--only speed", "cluster, explorables, host_startup"]),
        (["build"], ["No Docker engine", "./invoke doctor"]),
        (["sync", "--from-local"], ["No Docker engine", "./invoke doctor"]),
        (["sync", "--from-local", "--local"], ["--from-local and --local", "cannot be combined"]),
        (["backup", "nowhere/file"], ["nowhere/file", "no folder"]),
        (["restore", "nowhere"], ["nowhere", "./invoke backup"]),
        (["forget", "--older-than", "soon"], ["--older-than soon", "whole number"]),
    ],
)
def test_one_line_and_exit_code_2(invoke: Invoke, words: list[str], said: list[str]) -> None:
    line = one_line(invoke(*words, env=NO_ENGINE))
    for part in said:
        assert part in line
