"""Wrong arguments, settings, environments and labs for ``python -m lib``, each with what its one line must name."""

from __future__ import annotations

from dataclasses import dataclass, field

LONG, DEEP = "9" * 5000, "[" * 20_000
RUN = ("--workers", "1")


@dataclass(frozen=True)
class Case:
    """A command that must end with one line and exit code 2.

    Attributes:
        arguments: after ``python -m lib``, split at spaces unless they are a tuple. {root} is the clone.
        parts: what the line must have.
        env: variables beside the general ones.
        files: what is in the clone besides, by path; a link where it begins with "-> ".
    """

    arguments: str | tuple[str, ...]
    parts: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)


def _set(text: str, *parts: str) -> Case:
    return Case(("tiny", *RUN, "--set", text), parts)


def _space(text: str, *parts: str) -> Case:
    return Case(("sweep", "tiny", "--trials", "3", *RUN, "--space", text), ("--space", *parts))


def _environment(arguments: str, parts: tuple[str, ...], **env: str) -> Case:
    return Case(arguments, parts, env)


def _mlflow(address: str, arguments: str = "export last:tiny") -> Case:
    return Case(arguments, ("MLFLOW_TRACKING_URI=", "http://127.0.0.1:5000"), {"MLFLOW_TRACKING_URI": address})


def _lab(text: str | bytes, *parts: str, arguments: str = "labs/mine/own.py --workers 1") -> Case:
    return Case(arguments, parts, files={"labs/mine/own.py": text})


def _with(before: str = "", **arguments: str) -> str:
    """The source of a lab in which these arguments of ``Lab(…)`` are others."""
    given = {"name": "'own'", "summary": "'s'", "config": "Config", "trials": "train"} | arguments
    call = ", ".join(f"{name}={value}" for name, value in given.items() if value)
    train = "def train(config, seed, log):\n    return {}\n"
    return f"from fearless_labs import Config, Field, Lab, Runtime, Trial\n\n\n{train}\n\n{before}\nLAB = Lab({call})\n"


COMMANDS = [
    Case("", ("required", "--help")),
    Case("tiny --quik", ("--quik", "--help")),
    Case("tiny more", ("tiny takes 0 arguments", "1")),
    Case("nolab", ("'nolab'", "Nearest: tiny", "./invoke labs")),
    Case(("tiny\nbroken",), ("tiny broken", "./invoke labs")),
    Case(("tiny\x1b[31m",), ("tiny\\x1b", "./invoke labs")),
    Case(("티니",), ("티니", "./invoke labs")),
    Case(("\udcff\udcfe",), ("./invoke labs",)),
    Case("tiny --seeds", ("--seeds",)),
    *(Case(("tiny", "--seeds", text), ("--seeds ", "whole number")) for text in ("0", "-1", "1.5", "x", "", "٣", LONG)),
    *(Case(("tiny", "--seed", text), ("--seed ", "whole number")) for text in ("-1", "1_000", LONG)),
    *(Case(("tiny", "--workers", text), ("--workers ", "whole number")) for text in ("0", "two", "1000000", LONG)),
    Case(("tiny", "--seeds", "1001", *RUN), ("seeds=1001", "<= 1000")),
    Case("tiny --framework jax --workers 1", ("--framework jax", "torch or keras")),
    Case("tiny --config worst", ("--config worst", "best")),
    Case("tiny --config best --workers 1", ("--config best", "./invoke sweep tiny")),
    Case("tiny --on mars", ("--on mars", "local or ray")),
    Case("tiny --gpu", ("--gpu", "CPU only")),
    Case("tiny --gpu --portable", ("--gpu", "--portable", "cannot be combined")),
    Case("tiny --debug --rehearse", ("--debug", "--rehearse", "cannot be combined")),
    Case("tiny --debug --workers 2", ("--debug", "--workers", "cannot be combined")),
    Case("labs --debug", ("--debug", "labs is a command")),
    Case("sweep", ("sweep takes 1 argument",)),
    Case("sweep tiny", ("sweep tiny", "--trials 30")),
    Case(("sweep", "tiny", "--trials", LONG), ("--trials", "whole number")),
    Case("sweep tiny --trials 3 --sampler annealing", ("--sampler annealing", "tpe")),
    Case("sweep tiny --trials 3 --pruner axe", ("--pruner axe", "median")),
    Case("labs more", ("labs takes 0 arguments",)),
    Case("diff one", ("diff takes 2 arguments",)),
    Case("record", ("record takes 1 argument",)),
    Case("locate", ("locate takes 1 argument",)),
    Case("locate last:tiny --step first", ("--step first", "140:2")),
    Case("operations tiny", ("operations takes 2 arguments",)),
    Case("operations nolab {}", ("'nolab'", "./invoke labs")),
    Case("operations tiny {}", ("operations takes", "run: Field required")),
    Case("import", ("import takes 1 argument",)),
    Case("import {root}/nowhere", ("SHA256SUMS", "./invoke export")),
    Case("import {root}/lib/__main__.py", ("SHA256SUMS",)),
    Case("forget", ("forget takes a run", "--older-than 90")),
    Case("forget nothing", ("forget nothing", "no such run")),
    Case(("forget", "--older-than", LONG), ("--older-than", "whole number")),
    Case("claims --expect {root}/nowhere.json", ("--expect", "nowhere.json")),
    Case("claims nolab", ("'nolab'", "./invoke labs")),
    Case("report nolab", ("'nolab'", "./invoke labs")),
    Case(("tiny", "--resume", ""), ("--resume", "last:NAME")),
    Case("tiny --resume last:", ("--resume last:", "last:NAME")),
    Case("tiny --resume next:tiny", ("--resume next:tiny", "last:NAME")),
    Case("tiny --resume 2026", ("--resume 2026", "no such run")),
    Case("tiny --resume last:tiny --set steps=1", ("--resume", "leave out --set")),
    Case("labs --resume x", ("--resume", "labs has none")),
    Case("{root}", ("lab.py",)),
    Case("labs/mine/nowhere.py", ("nowhere.py", "no such file")),
]
SETTINGS = [
    _set("steps", "--set steps", "KEY=VALUE"),
    _set("=3", "--set =3", "KEY=VALUE"),
    _set("stepz=3", "'stepz'", "nearest: steps"),
    _set("model_config=3", "'model_config'", "fields: "),
    _set("steps=0", "steps=0", ">= 1"),
    _set("steps=2.5", "steps=2.5", "integer"),
    _set("seeds=1e999", "seeds=inf", ">= 1"),
    _set("learning_rate=NaN", "learning_rate=nan", "finite"),
    _set("framework=jax", "framework='jax'", "'torch' or 'keras'"),
    _set('runtimes=["numpy", "jax"]', "runtimes", "jax"),
    _set('steps={"a": 1}', "steps=", "integer"),
    _set(f"steps={LONG}", "--set steps=", "shorter"),
    _set(f"steps={DEEP}", "--set steps=", "shorter"),
    _set('text="\\ud800"', "--set text", "Unicode"),
    _set("text=\udcff", "--set text", "Unicode"),
    _set('runtimes=["\\udc00"]', "--set runtimes", "Unicode"),
    _set("a\nb=1", "'a b'", "fields: "),
    Case(("tiny", *RUN, "--set", "steps=7", "--set", "text=even"), ("7 steps are odd",)),
    _space("steps", "KEY=LOW:HIGH"),
    _space("stepz=1:2", "'stepz'"),
    _space("steps=1:2:3:4", "KEY=LOW:HIGH"),
    _space("steps=3:2", "3 must be below 2"),
    _space("steps=1:x", "'x' is not a number"),
    _space("steps=1:1e999", "not a number"),
    _space("steps=1:100001", "100001 is refused", "<= 100000"),
    _space("steps=1:5:0.5", "whole number"),
    _space("learning_rate=0:1:log", "above 0"),
    _space("learning_rate=0.001:1:1e-40", "too far apart"),
    _space("learning_rate=-1e308:1e308", "too far apart"),
    _space("batch=1:2", "'batch'", "cannot be searched"),
    _space(f"steps={LONG}", "shorter"),
    _space(f"steps={DEEP}", "shorter"),
    _space("text=\udcff", "Unicode"),
    _space("text=", "KEY=LOW:HIGH"),
    _space("text=a,", "no single value"),
]
ENVIRONMENTS = [
    *(
        _mlflow(address)
        for address in ("", "nonsense", "nonsense://host", "http://", "http://127.0.0.1:abc", "http://[::1")
    ),
    *(
        _mlflow(address)
        for address in ("http://127.0.0.1:99999", "file:///nowhere", "databricks", "postgresql://u@127.0.0.1/x")
    ),
    _mlflow("http://127.0.0.1:0", "record last:tiny"),
    _environment(
        "export last:tiny", ("MLflow does not answer", "./invoke up"), MLFLOW_TRACKING_URI="http://127.0.0.1:9"
    ),
    _environment("export last:tiny", ("MLflow does not answer",), MLFLOW_TRACKING_URI=f"http://{'a' * 300}.example"),
    _environment(
        "record last:tiny",
        ("{root}/lib/__main__.py", "database"),
        MLFLOW_TRACKING_URI="sqlite:///{root}/lib/__main__.py",
    ),
    *(
        _environment(arguments, ("LAB_JOURNAL", "./invoke lab"), LAB_JOURNAL="{root}/nowhere")
        for arguments in (
            "labs",
            "sync",
            "forget x",
            "claims tiny",
            "tiny --workers 1",
            "tiny --resume x",
            "report tiny",
        )
    ),
    _environment("tiny --workers 1", ("LAB_JOURNAL",), LAB_JOURNAL="{root}/lib/__main__.py"),
    _environment("tiny --workers 1", ("LAB_JOURNAL",), LAB_JOURNAL="/proc"),
    _environment("tiny --on ray", ("RAY_ADDRESS", "./invoke up --workers"), RAY_ADDRESS=""),
    _environment("labs/mine/own.py", ("x y.py", "no such file"), LAB_CALLED="x\ny.py"),
]
LABS = [
    _lab("x = (\nLAB = Lab(\n", "labs/mine/own.py, line 2", "'(' was never closed"),
    _lab(b"\x00\x05\x16\x07\xb2\xff", "labs/mine/own.py", "no Python source"),
    _lab(b"# \xff\nLAB = 1\n", "labs/mine/own.py"),
    _lab("", "labs/mine/own.py", "no lab in it"),
    _lab("LAB = 3\n", "labs/mine/own.py", "no lab in it"),
    _lab(_with(name="'labs'"), "'labs'", "another name"),
    _lab(_with(name="'forget'"), "'forget'", "another name"),
    _lab(_with(name="'Own Lab'"), "'Own Lab'", "small letters"),
    _lab(_with(name="'tiny'"), "'tiny'", "another name"),
    _lab(_with(summary=""), "own.py, line", "summary"),
    _lab(_with(chapter="'one'"), "chapter", "whole number"),
    _lab(_with(frameworks="('jax',)"), "frameworks", "'jax'"),
    _lab(_with(frameworks="()"), "frameworks", "at least"),
    _lab(_with(before="1 / 0"), "own.py, line 8", "ZeroDivisionError"),
    _lab(_with(before="import sys; sys.exit(3)"), "own.py, line 8", "SystemExit"),
    _lab(_with(before="import nowhere_at_all"), "own.py, line 8", "nowhere_at_all"),
    _lab(_with(before="raise ValueError('first\\nsecond')"), "own.py, line 8", "first second"),
    _lab(_with(before="def again(n): return again(n + 1)\nagain(0)"), "own.py", "RecursionError"),
    _lab(_with(wide="3"), "own.py, line", "wide", "docs/adding-a-lab.md"),
    _lab(_with(config="dict"), "config", "Config"),
    _lab(_with(trials="3"), "trials", "function"),
    _lab(_with(quick="{'seedz': 2}"), "seedz=2", arguments="labs/mine/own.py --quick --workers 1"),
    _lab(_with(variants="{'a': {'wide': 2}}"), "own.py: the study cannot begin", "wide", "--debug"),
    _lab(_with(study="lambda config: None"), "own.py: the study cannot begin", "--debug"),
    _lab(_with(study="lambda config: iter([])"), "asks for no trial"),
    _lab(_with(study="lambda: iter([])"), "the study cannot begin: TypeError"),
    _lab(_with(study="3"), "study", "function"),
    _lab(_with(trials="{}"), "trials", "function"),
    _lab(_with(study="lambda config: (1 / 0 for _ in [1])"), "the study cannot begin: ZeroDivisionError", "own.py:9"),
    _lab(
        _with(before="class Wrong(Config):\n    steps: int = Field(0, ge=1, description='d')\n", config="Wrong"),
        "steps=0",
    ),
    _lab(_with(before="class Wrong(Config):\n    steps: nonsense = 3\n", config="Wrong"), "own.py"),
]
FILES = [
    *(
        Case(
            "claims tiny --expect {root}/expected.json",
            ("--expect", "./invoke claims --json"),
            files={"expected.json": text},
        )
        for text in (
            "",
            "{",
            "[1]",
            '[{"id": "a"}]',
            '{"a": 1}',
            "3",
            '[{"id": [], "verdict": "holds"}]',
            DEEP,
            b"\xff",
        )
    ),
    Case("claims tiny --expect {root}/lib", ("--expect",)),
    Case("labs/mine/link.py", ("link.py",), files={"labs/mine/link.py": "-> nowhere.py"}),
    Case("labs/mine/loop.py", ("loop.py",), files={"labs/mine/loop.py": "-> loop.py"}),
    Case("labs/mine/text.txt", ("text.txt",), files={"labs/mine/text.txt": "hello"}),
    Case("labs/mine/os.py", ("os.py", "rename"), files={"labs/mine/os.py": _with()}),
    Case("labs/mine/a.b.py", ("a.b.py", "rename"), files={"labs/mine/a.b.py": _with()}),
]
WITH_TEXTS = _with(before="from fearless_labs import Texts", texts="Texts.beside(__file__)")
TOML_DEEP, TOML_LONG = f"x = {'[' * 5000}", f"x = {LONG}"


def _texts(content: str | bytes, *parts: str) -> Case:
    files: dict[str, str | bytes] = {"labs/mine/own.py": WITH_TEXTS, "labs/mine/texts.toml": content}
    return Case("labs/mine/own.py --workers 1", ("own.py", "texts.toml", *parts), files=files)


CONFIGS = [
    _texts("[lab\n", "not valid TOML"),
    _texts(b"\xff\xfe", "not valid TOML"),
    _texts(TOML_DEEP, "not valid TOML"),
    _texts(TOML_LONG, "not valid TOML"),
    _texts("[lba]\n", "lba"),
    _texts("lab = 3\n", "lab"),
    _texts("[lab]\nsummary = 3\n", "lab.summary"),
    _texts('[lab]\nsummary = { ko = "x", fr = "y" }\n', "lab.summary.ko"),
    _texts('[figures.a]\ntitle = { en = "{x}", ko = "{y}" }\n', "figures.a.title"),
    _texts('[figures.a]\ntitle = { en = "{", ko = "{" }\n', "figures.a.title"),
]
CASES = [*COMMANDS, *SETTINGS, *ENVIRONMENTS, *LABS, *FILES, *CONFIGS]
