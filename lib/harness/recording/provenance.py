"""What a run records of itself: the code that ran, the environment, the machine, the data; as tags and as files."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import os
import platform
import sysconfig
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.harness import __version__, replaced
from lib.harness.contract.catalogue import GROUP, OUTSIDE
from lib.harness.machine import gpus
from lib.harness.machine.determinism import portable
from lib.harness.machine.scope import cpu_lines, cpu_model
from lib.harness.recording.archive import plain_files
from lib.harness.recording.imports import imported
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.reading import REPRODUCES
from lib.kernels import choice

if TYPE_CHECKING:
    from lib.harness.contract.config import Config

ROOT = Path(__file__).resolve().parents[3]
ENTRY = "lib.__main__"
RECORDED_IMAGE = "lab.recorded_image"
"""The tag of a reproduction in another image than the recorded one: the recorded one's id."""
IMAGE, CONTENT = "lab.image", "lab.image_content"
"""The tags of the image's id on its engine, and of what it was made of, which is the same on every engine."""
ENTRY_POINTS = f"{OUTSIDE}/recorded.dist-info/entry_points.txt"


@dataclass(frozen=True)
class Code:
    """The code of a run as it was when the run began. `sha256`: over the lines "file hash  path" of all files."""

    files: dict[str, bytes]
    sha256: str

    def archive(self) -> bytes:
        """The files as ``code.tar.gz``."""
        return archive(self.files)


def archive(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    """Files, by their paths, as a gzipped tar; the same files give the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = mode
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def unpacked(archived: bytes) -> dict[str, bytes]:
    """The files of such an archive, by their paths. Raises as `plain_files`."""
    return {name: data for name, data, _ in plain_files(io.BytesIO(archived))}


def recipe_files() -> dict[str, bytes]:
    """Return the files that the image is built from (Dockerfile, lock and the like) by path; empty outside an image."""
    root = os.environ.get("LAB_RECIPE")
    paths = sorted(path for path in Path(root).rglob("*") if path.is_file()) if root else []
    return {path.relative_to(root or "").as_posix(): path.read_bytes() for path in paths}


def files_of(modules: Iterable[str]) -> dict[str, bytes]:
    """The contents of `modules`, of all that they import, and of the texts beside them, by their paths in a record."""
    return {name: path.read_bytes() for name, path in imported(ROOT, modules).items()}


def read_code(module: str) -> Code:
    """The code that runs for the lab in `module`: that file, what is replaced, the harness, and all that they import.

    What is from outside ``lib`` is made into a package, with the lab's entry point, so that wherever the record is
    unpacked and this package is installed the lab is there, by its name.
    """
    files = files_of([ENTRY, module, replaced.MODULE])
    if module.partition(".")[0] != "lib":
        files[ENTRY_POINTS] = f"[{GROUP}]\nlab = {module}\n".encode()
    return Code(files, sha256_of_files(files))


def sha256_of_files(files: Mapping[str, bytes]) -> str:
    """The SHA-256 over the lines "file hash  path" of files."""
    return _sha256_of_parts({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def data_sha256(names: Sequence[str]) -> str:
    """One hash over the files of the named data sets (modules of ``lib.data``, each with a table ``SHA256``)."""
    parts: dict[str, str] = {}
    for name in names:
        table: dict[str, str] = importlib.import_module(f"lib.data.{name}").SHA256
        parts |= {f"{name}/{file}": sha for file, sha in table.items()}
    return _sha256_of_parts(parts) if parts else "none"


def _sha256_of_parts(parts: dict[str, str]) -> str:
    text = "".join(f"{sha}  {name}\n" for name, sha in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def config_json(config: Config) -> bytes:
    """The content of ``config.json``."""
    return json_bytes(config.model_dump())


def tags(code: Code, data: Sequence[str], framework: str) -> dict[str, str]:
    """The tags that all runs of one command share. What only the host knows comes in environment variables."""
    variable = os.environ.get
    original, recorded_image = variable("LAB_REPRODUCES"), variable("LAB_RECORDED_IMAGE")
    return {
        **({REPRODUCES: original} if original else {}),
        **({RECORDED_IMAGE: recorded_image} if recorded_image else {}),
        **replaced.tags(),
        "lab.framework": framework,
        "lab.version": __version__,
        IMAGE: variable("LAB_IMAGE", "unknown"),
        "lab.image_kind": variable("LAB_IMAGE_KIND", "unknown"),
        CONTENT: variable("LAB_IMAGE_CONTENT", "unknown"),
        "lab.lock_sha256": variable("LAB_LOCK_SHA256", "unknown"),
        "lab.code_sha256": code.sha256,
        "lab.git_commit": variable("LAB_GIT_COMMIT", "unknown"),
        "lab.git_dirty": variable("LAB_GIT_DIRTY", "unknown"),
        "lab.data_sha256": data_sha256(data),
        "lab.cpu": cpu_model(),
        "lab.gpu": gpus.label(framework),
        "lab.threads": "1",
        "lab.kernels": choice.recorded(),
        "lab.user": variable("LAB_USER", "unknown"),
    }


def is_same_image(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two runs, by their tags, had images of one content; of one id where a content is not known."""
    contents = {tags.get(CONTENT, "unknown") for tags in (one, other)}
    return len(contents) == 1 if "unknown" not in contents else one.get(IMAGE) == other.get(IMAGE)


def place() -> str:
    """The options with which a command runs where this one does, a space before each; empty in the usual image."""
    framework = gpus.chosen()
    if framework is not None:
        return f" --gpu --framework {framework}{' --on ray' * (gpus.ELSEWHERE in os.environ)}"
    return " --local" if os.environ.get("LAB_IMAGE_KIND") == "none" else ""


def environment() -> dict[str, Any]:
    """Return the content of ``environment.json``: Python, the system, the processor, all installed packages."""
    # the folders' names say it all; reading 230 METADATA files would hold up the first trial
    installed = (path.stem.split("-")[:2] for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": cpu_model(),
        "cpu_flags": sorted(cpu_lines("flags").split()),
        "cpu_count": os.cpu_count(),
        **({"gpu": gpu} if (gpu := gpus.facts()) else {}),
        "code_paths": {name: os.environ.get(name) for name in portable()},
        "packages": dict(sorted(installed)),
    }
