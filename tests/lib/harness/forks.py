"""Commands that start at once: `runner`, seen from a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOADING = {
    "OPENBLAS_NUM_THREADS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Variables of the image and of the program that libraries read as they are loaded."""


class Forks:
    """A process of `runner`, which starts with the first command."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()

    def run(self, root: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Run ``python -m lib ARGUMENTS`` in `root`; no process is left. Returns its exit code and output."""
        with self._one_at_a_time:
            process = self._started()
            assert process.stdin
            assert process.stdout
            case = {"root": str(root), "arguments": arguments, "env": dict(environment)}
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        assert answer["left"] == []
        return answer["code"], answer["out"], answer["err"]

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            variables = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "MLFLOW_"))}
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("runner.py"))],
                env=variables | LOADING,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


FORKS = Forks()
"""Those of all tests of this process."""
