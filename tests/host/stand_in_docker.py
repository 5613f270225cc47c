"""A stand-in for `docker`: what it makes are files below $STAND_IN, so that a test sees what a command leaves.

It knows as much of the command line as ./invoke uses, keeps a lab's container for a moment, ends it as the engine does
at a signal, and has a file in the folder for temporary files while it builds. images/NAME is the answer to `docker
image inspect NAME`; record.json is what `python -m lib record RUN` prints.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

HERE = Path(os.environ["STAND_IN"])
PROJECT = os.environ["LAB_INSTANCE"]
A_MOMENT = 0.05
SERVICES = ("mlflow", "jupyter", "mlflow-port", "jupyter-port")
ANSWERS = {"version": "26.1.5 linux/amd64", "info": "[]", "compose version": "v2.30.0", "buildx version": "v0.16.0"}


def interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def make(kind: str, name: str) -> Path:
    time.sleep(A_MOMENT)
    path = HERE / kind / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(str(os.getpid()), encoding="utf-8")
    return path


def names(kind: str) -> list[str]:
    return sorted(path.name for path in (HERE / kind).glob("*"))


def remove(kind: str, wanted: list[str]) -> int:
    missing = [name for name in wanted if not (HERE / kind / name).exists()]
    for name in set(wanted) - set(missing):
        (HERE / kind / name).unlink(missing_ok=True)
    if missing:
        print(f"Error response from daemon: No such {kind.rstrip('s')}: {missing[0]}", file=sys.stderr)
    return 1 if missing else 0


def tell(name: str, number: int) -> int:
    """Bring a signal to a lab's container."""
    path = HERE / "containers" / name
    if not path.exists():
        print(f"Error response from daemon: No such container: {name}", file=sys.stderr)
        return 1
    os.kill(int(path.read_text(encoding="utf-8")), number)
    return 0


def up(services: list[str], *, start: bool) -> int:
    for network in ("tracking", "notebooks", "web"):
        make("networks", f"{PROJECT}_{network}")
    for volume in ("journal", "mlflow"):
        make("volumes", f"{PROJECT}_{volume}")
    for service in services if start else ():
        make("containers", f"{PROJECT}-{service}-1")
    return 0


def run(arguments: list[str]) -> int:
    """A lab's container, or the look into volumes that nobody has used."""
    if "--name" not in arguments:
        return 0
    container = make("containers", arguments[arguments.index("--name") + 1])
    try:
        time.sleep(4 * A_MOMENT)
        if "record" in arguments:
            print((HERE / "record.json").read_text(encoding="utf-8"))
    finally:
        container.unlink(missing_ok=True)
    return 0


def build() -> int:
    work = Path(os.environ["TMPDIR"], f"buildx-{os.getpid()}")
    work.touch()
    try:
        time.sleep(4 * A_MOMENT)
    finally:
        work.unlink()
    return 0


def tag(source: str, target: str) -> int:
    """Give the image with the id `source` one more name."""
    (facts,) = json.loads((HERE / "images" / source).read_text(encoding="utf-8"))
    facts["RepoTags"] = [*facts.get("RepoTags", []), target]
    for name in (source, target):
        (HERE / "images" / name.replace("/", "_")).write_text(json.dumps([facts]), encoding="utf-8")
    return 0


def engine(arguments: list[str]) -> int:
    """What is asked of the engine itself."""
    match arguments:
        case ["image", "inspect", name]:
            image = HERE / "images" / name.replace("/", "_")
            if not image.exists():
                return remove("images", [name])
            print(image.read_text(encoding="utf-8"))
            return 0
        case ["image", "tag", source, target]:
            return tag(source, target)
        case ["image", "ls", *_, label] if label.startswith("label="):
            name, _, value = label.removeprefix("label=").partition("=")
            for image in sorted((HERE / "images").iterdir()):
                (facts,) = json.loads(image.read_text(encoding="utf-8"))
                if facts["Config"]["Labels"].get(name) == value:
                    print(facts["Id"])
        case [("network" | "volume") as kind, "ls", *_]:
            print("\n".join(names(f"{kind}s")))
        case [("network" | "volume") as kind, "rm", *wanted]:
            return remove(f"{kind}s", wanted)
        case ["rm", "--force", *wanted]:
            return remove("containers", wanted)
    if arguments[0] == "ps" and "{{.Names}}" in arguments:
        is_lab = "label=com.docker.compose.oneoff=True" in arguments
        print("\n".join(name for name in names("containers") if name.endswith("-1") is not is_lab))
    return 0


def main(arguments: list[str]) -> int:
    for length in (1, 2):
        if answer := ANSWERS.get(" ".join(arguments[:length])):
            print(answer)
            return 0
    if arguments[0] in ("kill", "stop"):
        return tell(arguments[-1], signal.Signals[arguments[2]] if arguments[0] == "kill" else signal.SIGTERM)
    if arguments[:2] == ["buildx", "build"]:
        return build()
    if arguments[0] == "compose" and "up" in arguments:
        services = [word for word in arguments if word in SERVICES]
        return up(services, start="--no-start" not in arguments)
    if arguments[0] == "run" or (arguments[0] == "compose" and "run" in arguments):
        return run(arguments)
    return engine(arguments)


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, interrupted)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
