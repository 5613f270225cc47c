"""Completion in a shell: the words that the last word of a command line can become, and the script for bash."""

import subprocess

import pytest

from host.bootstrap.paths import ROOT
from host.command import completion
from host.command.summaries import summaries
from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.options import options_of
from tests.host.conftest import Invoke, one_line


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["la"], ["lab", "labs"]),
        (["lab", "dro"], ["dropout"]),
        (["sweep", "dropout", "--sampler", ""], ["cmaes", "grid", "random", "tpe"]),
        (["lab", "mlp", "--framework", "k"], ["keras"]),
        (["lab", "dropout", "--quick", "--qu"], []),
        (["lab", "dropout", "--set", "epochs=1", "--se"], ["--seed", "--seeds", "--set"]),
        (["lab", "dropout", "--set", "epo"], ["epochs="]),
        (["claims", "--only", "bert"], ["bert"]),
        (["completion", ""], ["bash", "zsh"]),
        (["down", "--v"], ["--volumes"]),
        (["lab", "nothere", "--set", ""], []),
        (["lab", "../none.py", "--set", ""], []),
        (["nothere", ""], []),
        (["report", "--out", ""], []),
    ],
)
def test_words_that_the_last_can_become(words: list[str], some: list[str]) -> None:
    assert completion.candidates(words) == some


def test_every_command_lab_and_option_is_offered() -> None:
    assert completion.candidates([""]) == completion.candidates([]) == sorted(summaries())
    assert set(completion.candidates(["lab", ""])) >= find_labs(ROOT).keys()
    for command in summaries():
        flags = {"--help", *(option.flag for option in options_of(command) if option.flag.startswith("--"))}
        assert flags <= set(completion.candidates([command, "-"]))


def test_bash_completes(invoke: Invoke) -> None:
    line = "COMP_WORDS=(./invoke lab dropo); COMP_CWORD=2; _fearless_labs; echo ${COMPREPLY[@]}; complete -p ./invoke"
    ran = subprocess.run(
        ["bash", "-c", f"source <(./invoke completion bash); {line}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "dropout",
        "complete -o bashdefault -o default -F _fearless_labs ./invoke",
    ]
    assert ran.stderr == ""


def test_a_shell_without_a_script_is_one_line(invoke: Invoke) -> None:
    assert one_line(invoke("completion", "tcsh")) == "completion tcsh: the shell is bash or zsh"
