"""Wrong commands, settings, environments and files, each with what its one line must name."""

from dataclasses import dataclass, field

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@dataclass(frozen=True)
class Case:
    """A command that must end with one line and exit code 2.

    Attributes:
        words: after `./invoke`, split at spaces unless they are a tuple.
        parts: what the line must have.
        env: variables beside the general ones; without an engine unless they name one.
        files: what is in the copy besides, by path; a folder where it ends in "/", a link where it begins with "-> ".
    """

    words: str | tuple[str, ...]
    parts: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | bytes] = field(default_factory=dict)


def _numbers(words: str, *values: str) -> list[Case]:
    """A whole number that is none, for an option."""
    option = words.rsplit(maxsplit=1)[-1]
    return [Case((*words.split(), value), (f"{option} ", "whole number")) for value in values]


def _environment(words: str, parts: tuple[str, ...], **env: str) -> Case:
    return Case(words, parts, env)


def _dotenv(content: str | bytes, *parts: str, words: str = "up") -> Case:
    return Case(words, (".env", *parts), files={".env": content})


def _lab(path: str, content: str | bytes, *parts: str) -> Case:
    return Case(f"lab {path}", parts, files={path: content})


LAB = 'NAME = "x"\nLAB = Lab(name=NAME, summary="s", chapter=1, minutes=1'
COMMANDS = [
    Case("laab", ("'laab'", "Nearest: lab", "./invoke --list")),
    Case("Labs", ("'Labs'", "./invoke --list")),
    Case("labs extra", ("'extra'",)),
    Case("labs lab", ("lab",)),
    Case("labs status", ("One command", "'status'", "./invoke labs --help")),
    Case("status down --volumes", ("One command", "'down'")),
    Case("labs --dry", ("'--dry'", "./invoke labs --help")),
    Case("labs --list", ("'--list'", "./invoke labs --help")),
    Case("status --collection other", ("'--collection'", "./invoke status --help")),
    Case("status --prompt-for-sudo-password", ("'--prompt-for-sudo-password'",)),
    Case("--list labs", ("--list", "'labs'")),
    Case("--version --json", ("--version", "'--json'")),
    Case("--help laab", ("'laab'", "Nearest: lab", "./invoke --list")),
    Case(("", "labs"), ("./invoke --list",)),
    Case("--echo labs", ("--echo", "./invoke --list")),
    Case("--collection other labs", ("--collection", "./invoke --list")),
    Case("--config other.yaml labs", ("--config", "./invoke --list")),
    Case("-c other", ("-c", "./invoke --list")),
    Case("--lsit", ("--lsit", "./invoke --list")),
    Case("- labs", ("'-'", "./invoke --list")),
    Case("lab", ("'name'", "./invoke lab --help")),
    Case("sweep", ("'name'", "./invoke sweep --help")),
    Case("reproduce", ("'run'", "./invoke reproduce --help")),
    Case("diff one", ("'other'", "./invoke diff --help")),
    Case("export", ("'run'", "./invoke export --help")),
    Case("import", ("'folder'", "./invoke import --help")),
    Case("load", ("'file'", "./invoke load --help")),
    Case("lab mlp --quik", ("--quik", "--quick", "./invoke lab --help")),
    Case("lab mlp --set", ("--set",)),
    Case("lab mlp --seed", ("--seed",)),
    Case("lab optimisers", ("'optimisers'", "optimizers", "./invoke labs")),
    Case(("lab", ""), ("./invoke labs",)),
    Case(("lab", "엠엘피"), ("엠엘피", "./invoke labs")),
    Case(("lab", "mlp\nrnn"), ("mlp", "./invoke labs")),
    Case(("lab", "mlp\x1b[31m"), ("mlp\\x1b", "./invoke labs")),
    Case(("lab", "x" * 5000), ("too long",)),
    Case("lab optimisers --help", ("'optimisers'",)),
    Case("sweep optimisers --help", ("'optimisers'",)),
]
OPTIONS = [
    *_numbers("lab mlp --seeds", "0", "-1", "1.5", "abc", "", " 3", "1e3", "٣", "0x10"),
    *_numbers("lab mlp --seed", "-1", "x", "1_000"),
    *_numbers("lab mlp --workers", "0", "two", "1000000", "9" * 5000),
    *_numbers("up --workers", "0", "-2", "all", "99999999999"),
    *_numbers("sweep mlp --trials 3 --batch", "0", "many"),
    *_numbers("sweep mlp --trials 3 --fresh", "-1"),
    *_numbers("sweep mlp --trials", "0", "x"),
    Case("lab mlp --set epochs", ("--set epochs", "KEY=VALUE")),
    Case("lab mlp --set =3", ("--set =3", "KEY=VALUE")),
    Case("lab mlp --set epochs=", ("--set epochs=", "KEY=VALUE")),
    Case(("lab", "mlp", "--set", " "), ("--set", "KEY=VALUE")),
    Case("lab mlp --framework jax", ("--framework jax", "torch or keras")),
    Case("lab mlp --config worst", ("--config worst", "best")),
    Case("lab mlp --on mars", ("--on mars", "local or ray")),
    Case("lab mlp --resume last:mlp --set epochs=3", ("--resume", "--set")),
    Case("lab mlp --gpu --local", ("--gpu", "--local", "cannot be combined")),
    Case("lab mlp --gpu --portable", ("--gpu", "--portable", "cannot be combined")),
    Case("lab mlp --debug --rehearse", ("--debug", "--rehearse", "cannot be combined")),
    Case("lab mlp --debug --resume last:mlp", ("--debug", "--resume", "cannot be combined")),
    Case("lab mlp --rehearse --on ray", ("--rehearse", "--on ray", "cannot be combined")),
    Case("lab mlp --workers 2 --on ray", ("--workers 2", "--on ray", "cannot be combined")),
    Case("sweep mlp", ("sweep mlp", "--trials 30")),
    Case("sweep mlp --trials 3 --sampler annealing", ("--sampler annealing", "tpe")),
    Case("sweep mlp --trials 3 --pruner axe", ("--pruner axe", "median")),
    Case("sweep mlp --trials 3 --space width", ("--space width", "KEY=LOW:HIGH")),
    Case("sweep mlp --trials 3 --space =1:2", ("--space =1:2", "KEY=LOW:HIGH")),
    Case("claims --only dropoot", ("'dropoot'", "dropout")),
    Case("claims --only some/lab.py", ("--only some/lab.py", "path")),
    Case("claims --publish --quick", ("--publish and --quick", "full runs")),
    Case("claims --expect nowhere.json", ("--expect nowhere.json", "no such file")),
    Case("claims --expect labs", ("--expect labs", "file")),
    Case("report --out missing/report.html", ("--out missing/report.html", "no folder")),
    Case("report --out .", ("--out .", "folder")),
    Case("report --folder .", ("--folder .", "name a new folder")),
    Case("report --folder page --out page.html", ("--out and --folder", "cannot be combined")),
    Case("report --only dropoot", ("'dropoot'",)),
    Case("export last:mlp --out .", ("--out .", "new folder")),
    Case("export last:mlp --out nowhere/records", ("--out nowhere/records", "no folder")),
    Case("import nowhere", ("nowhere", "./invoke export")),
    Case("import README.md", ("README.md", "./invoke export")),
    Case("bundle --out nowhere/b.tar", ("--out nowhere/b.tar", "no folder")),
    Case("bundle --out .", ("--out .", "folder")),
    Case("load nowhere.tar", ("nowhere.tar",)),
    Case("load labs", ("labs",)),
    Case("load README.md", ("README.md",)),
    Case("backup README.md", ("README.md", "already")),
    Case("backup nowhere/all.backup", ("nowhere/all.backup", "no folder")),
    Case("restore nowhere", ("nowhere", "./invoke backup")),
    Case("restore labs", ("labs", "./invoke backup")),
    Case("restore README.md", ("README.md", "no backup")),
    Case("down --volumes", ("Nothing was deleted",), {"LAB_INSTANCE": "fearless-test-bad"}),
    Case("sync --from-local --local", ("--from-local", "--local", "cannot be combined")),
    Case("forget --older-than soon", ("--older-than soon", "whole number")),
    Case("reproduce last:mlp --image far", ("--image far", "near")),
    Case("torture --replay luck:1", ("--replay luck:1", "simulation, lab")),
    Case("test --only everything", ("--only everything", "lint, harness, lib, lessons, host")),
    Case("bench --only speed", ("--only speed", "cluster")),
    Case("up --workers 2 --local", ("--workers", "--local", "cannot be combined")),
    Case("up --framework torch", ("--framework", "--gpu")),
    Case("up --gpu --local", ("--gpu", "--local", "cannot be combined")),
    Case("up --gpu --framework jax", ("--framework jax", "torch or keras")),
    Case("doctor --yes", ("--yes", "--fix")),
    Case("build", ("No Docker engine", "./invoke doctor")),
    Case("images", ("No Docker engine", "./invoke doctor")),
    Case("clean --yes", ("No Docker engine", "./invoke doctor")),
    Case("build --check", ("No Docker engine", "./invoke doctor")),
    Case("reproduce last:mlp", ("No Docker engine", "container")),
    Case("diff last:mlp last:rnn", ("No Docker engine", "container")),
    Case("up --workers 2", ("No Docker engine", "./invoke doctor")),
    Case("test --gpu-images", ("No Docker engine", "./invoke doctor")),
    Case("bench --only host_up", ("Docker engine", "./invoke doctor")),
]
SETTINGS = [
    *(
        _environment("up", (f"MLFLOW_PORT={text}", "the environment", "1 to 65535"), MLFLOW_PORT=text)
        for text in ("abc", "0", "70000", "-1", "5000.0", "５０００", "tcp://10.96.0.7:5000")
    ),
    _environment("lab mlp", ("JUPYTER_PORT=x", "1 to 65535"), JUPYTER_PORT="x"),
    _environment("up", ("JUPYTER_PORT", "MLFLOW_PORT", "7000"), JUPYTER_PORT="7000", MLFLOW_PORT="7000"),
    *(
        _environment("lab mlp", (f"LAB_MEMORY={text}", "8g"), LAB_MEMORY=text)
        for text in ("lots", "8", "0", "-1g", "8 gigs", "8gg", "1e9")
    ),
    _environment("up", ("MLFLOW_MEMORY=no",), MLFLOW_MEMORY="no"),
    _environment("lab mlp", ("LAB_HOSTS", "http://labbox", "no name of a host"), LAB_HOSTS="http://labbox"),
    *(
        _environment(words, (f"LAB_INSTANCE={name}", "lower-case letters"), LAB_INSTANCE=name)
        for words, name in (("status", "My Labs"), ("down", "-x"), ("backup new.backup", "실습"))
    ),
    _dotenv("MLFLOW_PORT=abc\n", "MLFLOW_PORT=abc"),
    _dotenv("export JUPYTER_PORT=99999\n", "JUPYTER_PORT=99999"),
    _dotenv("\ufeffJUPYTER_PORT=99999\n", "JUPYTER_PORT=99999"),
    _dotenv("LAB_MEMORY='much' # of it\n", "LAB_MEMORY=much", words="lab mlp"),
    _dotenv("JUPYTER_PORT=$PORT\n", "JUPYTER_PORT", "$"),
    _dotenv('MLFLOW_PORT="${PORT:-5000}"\n', "MLFLOW_PORT", "$"),
    _dotenv("JUPYTER_PORT=1\n'torn\n", "line 2"),
    _dotenv("JUPYTER_PORT=8888\n".encode("utf-16"), "UTF-8"),
    _dotenv("한=1\nJUPYTER_PORT=8890\n".encode("cp949"), "UTF-8"),
    _dotenv(b"\x00\x01\x02", "UTF-8"),
    Case("up", (".env", "directory"), files={".env/": ""}),
    Case("lab mlp", (".env",), files={".env": "-> .env"}),
]
ENVIRONMENTS = [
    _environment("lab mlp", ("Docker", "context", "nope"), DOCKER_HOST="", DOCKER_CONTEXT="nope"),
    _environment(
        "up", ("/nowhere/ca.pem",), DOCKER_HOST="tcp://127.0.0.1:1", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH="/nowhere"
    ),
    _environment("lab mlp", ("Docker",), DOCKER_HOST="nonsense://"),
    _environment("build", ("Docker",), DOCKER_HOST="http://[::1"),
    _environment("build", ("no command docker", "./invoke doctor"), PATH="/nonexistent"),
    _environment("lab mlp --gpu", ("--gpu", "no NVIDIA GPU"), PATH="/nonexistent"),
    _environment("lab mlp --local", ("no-index", "PIP_NO_INDEX"), PIP_NO_INDEX="perhaps"),
    Case("lab mlp --local", ("pip",), {"PIP_CONFIG_FILE": "{root}/pip.conf"}, {"pip.conf": "index-url = x\n"}),
    Case(
        "lab mlp --local",
        ("pip",),
        {"PIP_CONFIG_FILE": "{root}/pip.conf"},
        {"pip.conf": b"[global]\nindex-url = \xff\n"},
    ),
]
FILES = [
    _lab("labs/mine/torn.py", "x = (\nLAB = Lab(\n", "torn.py"),
    _lab("labs/mine/bytes.py", b"\x00\x05\x16\x07\xb2\xff", "bytes.py"),
    _lab("labs/mine/empty.py", "", "empty.py"),
    _lab("labs/mine/nolab.py", "x = 1\n", "nolab.py"),
    _lab("labs/mine/unfinished.py", f"{LAB}\n", "unfinished.py"),
    _lab("labs/mine/text.txt", "hello\n", "text.txt"),
    Case("lab labs/mine/nowhere.py", ("nowhere.py",)),
    Case("lab ./labs", ("labs",)),
    Case("lab /", ("/",)),
    Case("lab labs/mine/link.py", ("link.py",), files={"labs/mine/link.py": "-> nowhere.py"}),
    Case("lab labs/mine/loop.py", ("loop.py",), files={"labs/mine/loop.py": "-> loop.py"}),
    Case("sweep labs/mine/nowhere.py --trials 3", ("nowhere.py",)),
    Case("load empty.tar", ("empty.tar",), files={"empty.tar": ""}),
    Case("load torn.tar", ("torn.tar",), files={"torn.tar": b"bundle" + bytes(506)}),
    Case("load loop.tar", ("loop.tar",), files={"loop.tar": "-> loop.tar"}),
    Case("claims --expect loop.json", ("--expect loop.json",), files={"loop.json": "-> loop.json"}),
]
CASES = [*COMMANDS, *OPTIONS, *SETTINGS, *ENVIRONMENTS, *FILES]
