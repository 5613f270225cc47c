"""Where the files of data sets are, and that they are the ones that the labs were made with.

A set is either a folder below $LAB_DATA, which docker/fetch-data fills, or a file inside an installed package, which is
found and not imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from lib.harness.errors import UserError

FETCHED = "build the image again (./invoke build), or without an engine run docker/fetch-data with LAB_DATA's folder"
PACKAGED = "build the image again (./invoke build)"

Item = TypeVar("Item")


def folder(name: str) -> Path:
    """The folder of a fetched data set: ``name`` below $LAB_DATA, /opt/data unless set."""
    return Path(os.environ.get("LAB_DATA", "/opt/data")) / name


def in_package(data_set: str, package: str, file: str) -> Path:
    """The path of a file that ships with a package. Raises `UserError` when the package is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UserError(f"{data_set}: the package {package}, which has the data, is missing: {PACKAGED}")
    return Path(spec.origin).parent / file


def checked(data_set: str, path: Path, sha256: str, remedy: str) -> bytes:
    """The bytes of a file that has this SHA-256.

    Raises:
        UserError: the file is missing or another; it names the file and the remedy.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{data_set}: {path} cannot be read ({error.strerror}): {remedy}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{data_set}: {path} is not the file that the labs were made with (wrong SHA-256): {remedy}")
    return data


@cache
def fetched_text(data_set: str, path: Path, sha256: str) -> str:
    """A fetched text file in UTF-8, once its hash is found right. Raises `UserError` as `checked` does."""
    return checked(data_set, path, sha256, FETCHED).decode("utf-8")


@cache
def packaged_text(data_set: str, package: str, file: str, sha256: str) -> str:
    """A text file in UTF-8 of a package, once its hash is found right. Raises `UserError` as `checked` does."""
    return checked(data_set, in_package(data_set, package, file), sha256, PACKAGED).decode("utf-8")


def split_by(items: Sequence[Item], key: Callable[[Item], str]) -> tuple[list[Item], list[Item], list[Item]]:
    """Items to train on, to choose on and to test on: about 80, 10 and 10 in a hundred.

    Where an item goes depends on the SHA-256 of its key alone, so items of one key stay together (one word with all
    its typos, one sentence with all its translations) and nothing moves when items are added. Each part is in a random
    order that is always the same.
    """
    parts: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
    for item in items:
        tenth = int(hashlib.sha256(key(item).encode()).hexdigest(), 16) % 10
        parts[max(0, tenth - 7)].append(item)
    for part in parts:
        order = np.random.Generator(np.random.PCG64(0)).permutation(len(part))
        part[:] = [part[index] for index in order]
    return parts
