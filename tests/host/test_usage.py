"""Bad input: one line that names what was wrong and the remedy, exit code 2, before any container starts."""

import pytest

from tests.host.conftest import NO_ENGINE, Invoke, one_line

COMMANDS = (
    "bench",
    "build",
    "bundle",
    "claims",
    "diff",
    "doctor",
    "down",
    "export",
    "import",
    "lab",
    "labs",
    "load",
    "lock",
    "report",
    "reproduce",
    "sweep",
    "sync",
    "test",
    "up",
)


def test_the_list_has_every_command_with_one_line_each(invoke: Invoke) -> None:
    outcome = invoke("--list")
    assert outcome.returncode == 0
    rows = [line for line in outcome.stdout.splitlines()[1:] if line.strip()]
    assert [row.split()[0] for row in rows] == sorted(COMMANDS)
    assert all(len(row) <= 80 and row.endswith(".") for row in rows)


def test_no_arguments_list_the_commands(invoke: Invoke) -> None:
    assert invoke().stdout == invoke("--list").stdout


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
        (["lab", "optimizers", "--workers", "2", "--on", "ray"], ["--workers 2 and --on ray", "cannot be combined"]),
        (["lab", "optimizers", "--on", "dask"], ["--on dask", "local or ray"]),
        (["lab", "optimizers", "--resume", "last:optimizers", "--quick"], ["--resume", "leave out --quick"]),
        (["up", "--workers", "none"], ["--workers none", "at least 1"]),
        (["lab", "optimizers", "--framework", "jax"], ["--framework jax", "torch or keras"]),
        (["claims", "--expect", "nowhere.json"], ["--expect nowhere.json", "no such file"]),
        (["export", "last:dropout", "--out", "."], ["--out .", "new folder"]),
        (["export", "last:dropout", "--out", "nowhere/records"], ["--out nowhere/records", "no folder"]),
        (["import", "nowhere"], ["nowhere", "./invoke export"]),
        (["report", "--out", "missing/report.html"], ["--out missing/report.html", "no folder"]),
        (["report", "--out", "."], ["--out .", "a folder"]),
        (["test", "--only", "everything"], ["--only everything", "lint, lib, host, browser"]),
        (["bench", "--only", "speed"], ["--only speed", "cluster, host_startup"]),
        (["build"], ["No Docker engine", "./invoke doctor"]),
    ],
)
def test_one_line_and_exit_code_2(invoke: Invoke, words: list[str], said: list[str]) -> None:
    line = one_line(invoke(*words, env=NO_ENGINE))
    for part in said:
        assert part in line


def test_deleting_needs_a_yes(invoke: Invoke) -> None:
    outcome = invoke("down", "--volumes", env=NO_ENGINE, input="n\n")
    assert outcome.returncode == 2
    assert "Nothing was deleted" in outcome.stderr
