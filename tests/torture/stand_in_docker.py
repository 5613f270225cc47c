"""A stand-in for `docker` whose images are files below $STAND_IN: it saves, loads and inspects them.

It has as much of the command line as `./invoke bundle` and `load` use.
"""

import io
import json
import os
import sys
import tarfile
from pathlib import Path

IMAGES = Path(os.environ["STAND_IN"])
ANSWERS = {"version": "26.1.5 linux/amd64", "info": "", "compose": "v2.30.0", "buildx": "v0.16.0"}


def file_of(name: str) -> Path:
    return IMAGES / name.replace("/", "_")


def inspect(name: str) -> int:
    if not file_of(name).exists():
        print(f"Error response from daemon: No such image: {name}", file=sys.stderr)
        return 1
    print(file_of(name).read_text(encoding="utf-8"))
    return 0


def save(names: list[str]) -> int:
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        for name in names:
            data = file_of(name).read_bytes()
            member = tarfile.TarInfo(file_of(name).name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return 0


def load() -> int:
    """As an engine does, take all or nothing."""
    loaded = {}
    try:
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
            for member in tar:
                if content := tar.extractfile(member):  # None of a folder
                    loaded[member.name] = content.read()
                    json.loads(loaded[member.name])
    except (tarfile.TarError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    for name, data in loaded.items():
        (IMAGES / name).write_bytes(data)
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["image", "inspect", name]:
            return inspect(name)
        case ["save", *names]:
            return save(names)
        case ["load"]:
            return load()
    print(ANSWERS.get(arguments[0], ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
