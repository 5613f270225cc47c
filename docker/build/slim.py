#!/usr/bin/python3
"""Removes from /opt/labs what no lab, notebook or server reads: 3.4 GB become 2.3 GB.

Headers, test programs and test suites of the large packages, Java archives, source maps, and the symbols of shared
libraries that only a debugger reads. What is left must still import, train and serve: tests/host/images proves it.
"""

import subprocess
import sysconfig
from pathlib import Path
from shutil import rmtree

SITE = Path(sysconfig.get_path("purelib", "venv", {"base": "/opt/labs"}))

REMOVED = (
    "torch/test",
    "torch/include",  # for building extensions: the image has no compiler
    "torch/share",
    "torch/bin/test_*",
    "torch/bin/protoc*",
    "nvidia/**/include",
    "nvidia/**/*.a",
    "tensorflow/include",
    "tensorflow/xla_aot_runtime_src",
    "clang/native",  # libclang: TensorFlow asks for it and never imports it
    "ray/jars",
    "ray/cpp",
    "gensim/test/*.py",
    "gensim/test/test_data/[!w]*",  # wordsim353.tsv stays
    "gensim/test/test_data/w[!o]*",
    "gensim/test/test_data/word2*",
    "tornado/test",
    "**/tests",
    "**/*.js.map",
)
STRIPPED = ("torch", "tensorflow", "ray", "pyarrow", "grpc", "*__mypyc*.so")


def remove() -> None:
    """Delete every path that REMOVED matches."""
    for pattern in REMOVED:
        for path in sorted(SITE.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                rmtree(path)
            elif path.exists():
                path.unlink()


def strip() -> None:
    """Drop the symbols that the loader does not need from the large ELF files of STRIPPED."""
    roots = [root for pattern in STRIPPED for root in SITE.glob(pattern)]
    files = [file for root in roots for file in (root.rglob("*") if root.is_dir() else [root])]
    for file in sorted(files):
        if file.is_file() and not file.is_symlink() and file.stat().st_size > 1_000_000:
            with file.open("rb") as stream:
                is_elf = stream.read(4) == b"\x7fELF"
            if is_elf:
                subprocess.run(["strip", "--strip-unneeded", file], check=True)


def forget_folder() -> None:
    """Drop uv's note of when a wheel of the caller's folder was written: the same wheel has another time elsewhere."""
    for note in SITE.glob("*.dist-info/uv_cache.json"):
        record = note.with_name("RECORD")
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(x for x in lines if f"{note.parent.name}/{note.name}," not in x), encoding="utf-8")
        note.unlink()


remove()
strip()
forget_folder()
