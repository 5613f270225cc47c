"""``backup``, ``bundle`` and ``load`` with faults: the real commands in a copy of the clone, with a stand-in engine."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from host.bundle.format import Bundle
from host.engine import images
from host.records import archive
from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from tests.torture.case import Case
from tests.torture.program import Ended

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("host", "docker", "lib/harness", "lib/__init__.py", "tasks.py", "compose.yaml", "pyproject.toml")
"""The clone, as far as these commands need it."""
KEPT = {"locks", "logs", "wheels"}
"""Entries of .local that a command leaves for the next one."""
KEY = "20260101-000000-mlp-abcdef"


def clone(folder: Path) -> Path:
    """A copy of the clone with a history of one commit."""
    root = folder / "clone"
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, target)
    ignored = (".local/", ".env", ".env.*.part", "/out/", "/tmp/", "/engine/", "/bin/", "__pycache__/")
    (root / ".gitignore").write_text("\n".join(ignored), encoding="utf-8")
    (root / "labs").mkdir()
    settings = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "init.defaultBranch=main"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for step in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all of it"]):
        subprocess.run(["git", *settings, "-C", str(root), *step], check=True, env=variables)
    docker = root / "bin" / "docker"
    docker.parent.mkdir()
    stand_in = Path(__file__).with_name("stand_in_docker.py")
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{stand_in}" "$@"\n', encoding="utf-8")
    docker.chmod(0o755)
    return root


class HostCase(Case):
    """A command of ``./invoke``, in a copy of the clone, whose .local, .env and files outside of git are the room."""

    has_engine = True
    MADE = (".local", ".env", "out", "tmp", "engine")

    def make_template(self) -> None:
        """An instance with no runs, and an engine with the images."""
        self.room = self.folder.parent / "clone"
        for name in (".local", "out", "tmp", "engine"):
            (self.template / name).mkdir()
        (self.template / ".env").write_text("JUPYTER_TOKEN=0\n", encoding="utf-8")
        (self.template / ".env").chmod(0o600)

    def reset(self) -> None:
        """Make anew what commands change."""
        for name in self.MADE:
            path = self.room / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        shutil.copytree(self.template, self.room, dirs_exist_ok=True)

    def variables(self) -> Mapping[str, str]:
        """The environment: nobody's but the room's."""
        engine = [str(self.room / "bin")] if self.has_engine else []
        tools = Path(shutil.which("git") or "git").parent
        return {
            "PATH": os.pathsep.join([*engine, *([str(tools)] if self.has_engine else [])]) or "/nonexistent",
            "HOME": str(self.room / "tmp"),
            "TMPDIR": str(self.room / "tmp"),
            "LAB_CALLER_DIR": str(self.room / "out"),
            "STAND_IN": str(self.room / "engine"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def left_over(self, *expected: str) -> list[str]:
        """The complaints about what is left when a command has ended well after the fault."""
        left = [path.name for path in (self.room / ".local").iterdir() if path.name not in {*KEPT, *expected}]
        left = [name for name in left if name != "ledger" or any((self.room / ".local" / "ledger").iterdir())]
        left += [path.name for path in (self.room / "tmp").iterdir()]
        return [f"{name} is left" for name in left]


class BackupCase(HostCase):
    """``backup``: the file is there whole or not at all, and the next one is whole."""

    name = "backup"
    command = ("backup", "all.backup")
    has_engine = False

    def make_template(self) -> None:
        """A run of local mode with its journal, its files and MLflow's database."""
        super().make_template()
        state = self.template / ".local"
        folder = state / "journal" / KEY
        folder.mkdir(parents=True)
        with Journal.create(folder / "run.jsonl", {"key": KEY}) as journal:
            journal.write("config.json", b"{}")
            journal.end("FINISHED")
        (state / "artifacts" / "1").mkdir(parents=True)
        (state / "artifacts" / "1" / "model.npz").write_bytes(random.Random(0).randbytes(300_000))
        with closing(sqlite3.connect(state / "mlflow.db")) as connection, connection:
            connection.execute("CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT)")
            connection.executemany("INSERT INTO runs VALUES (?, '')", [(str(number),) for number in range(3000)])

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        file = self.room / "out" / "all.backup"
        if not file.exists():
            lost = self.succeeded(*self.command)
        else:
            lost = [*self._broken(file), *self.succeeded("backup", "second.backup")]
            file = file.with_name("second.backup")
        names = {path.name for path in file.parent.iterdir()} - {"all.backup", "second.backup"}
        lost += [f"{name} is left beside the backup" for name in names]
        return [*lost, *self._broken(file), *self.left_over("journal", "artifacts", "mlflow.db")]

    def _broken(self, file: Path) -> list[str]:
        try:
            found = archive.check(file)
        except UserError as error:
            return [str(error)]
        wanted = {"local/mlflow/mlflow.db", "local/mlflow/artifacts/1/model.npz", f"local/journal/{KEY}/run.jsonl"}
        return [f"the backup lacks {name}" for name in wanted - set(found.names)]


def put_images(engine: Path) -> None:
    """Give the stand-in engine our images, as they are now."""
    for image in images.IMAGES:
        labels = {"org.fearless-labs.lock": image.lock_sha256, "org.fearless-labs.docker": images.docker_sha256()}
        content = random.Random(image.target).randbytes(30_000).hex()
        facts = {"Id": f"sha256:{image.target:0>64}", "Size": 60_000, "Config": {"Labels": labels},
                 "RootFS": {"Layers": [f"sha256:{content[:64]}"]}, "Content": content}  # fmt: skip
        (engine / image.name.replace("/", "_")).write_text(json.dumps([facts]), encoding="utf-8")


class BundleCase(HostCase):
    """``bundle``: the file is there whole or not at all, and the same command again makes it whole."""

    name = "bundle"
    command = ("bundle", "--out", "room.tar")

    def make_template(self) -> None:
        """An engine with the images."""
        super().make_template()
        put_images(self.template / "engine")

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        file = self.room / "out" / "room.tar"
        lost = self._broken(file) if file.exists() else []
        lost += [*self.succeeded(*self.command), *self._broken(file)]
        names = {path.name for path in file.parent.iterdir()} - {"room.tar"}
        return [*lost, *(f"{name} is left beside the bundle" for name in names), *self.left_over()]

    def _broken(self, file: Path) -> list[str]:
        try:
            with Bundle(file) as bundle:
                bundle.verify(lambda _: None)
                names = [part.name for part in bundle.parts]
        except (UserError, OSError) as error:
            return [str(error)]
        doubled = {name for name in names if names.count(name) > 1}
        wanted = {"README.txt", "fearless-labs/tasks.py", "fearless-labs/.git/HEAD", "images/lab-cpu.tar.zst.000"}
        lost = [f"the bundle has {name} twice" for name in doubled]
        return lost + [f"the bundle lacks {name}" for name in wanted - set(names)]


class LoadCase(HostCase):
    """``load``: a second one gives the engine and the clone all that is missing."""

    name = "load"
    command = ("load", "room.tar")

    def make_template(self) -> None:
        """A bundle, and an engine without images."""
        super().make_template()
        put_images(self.template / "engine")
        self.reset()
        ended = self.program.run(["bundle", "--out", "room.tar"], self.variables(), "first")
        if ended.code:
            raise RuntimeError(f"bundle cannot run here: {ended.err}")
        shutil.copy(self.room / "out" / "room.tar", self.template / "out" / "room.tar")
        for path in (self.template / "engine").iterdir():
            path.rename(self.folder / path.name)

    def lost(self, ended: Ended) -> list[str]:
        """The oracle."""
        wheels = self.room / ".local" / "wheels"
        whole = {f"{name}-1-py3-none-any.whl": name.encode() * 20_000 for name in ("one", "two")}
        lost = [] if ended.code else self._missing(wheels, whole)
        lost += self.succeeded(*self.command)
        lost += self._missing(wheels, whole)
        lost += [f"{path.name} is left in the wheels" for path in wheels.glob("*") if path.name not in whole]
        return lost + self.left_over()

    def _missing(self, wheels: Path, whole: Mapping[str, bytes]) -> list[str]:
        lost = []
        for image in images.IMAGES:
            name = image.name.replace("/", "_")
            loaded = self.room / "engine" / name
            if not loaded.exists() or loaded.read_bytes() != (self.folder / name).read_bytes():
                lost.append(f"{image.name} is not loaded")
        for name, data in whole.items():
            if not (wheels / name).exists() or (wheels / name).read_bytes() != data:
                lost.append(f"{name} is missing or not whole")
        return lost
