"""Code of a notebook's cells in the place of a lab's own: used, recorded, repeated, and never the lab's word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError

from lib.harness import replaced
from lib.harness.recording.provenance import unpacked
from tests.lib.harness.support import Clone, digests, journals_of, statuses
from tests.lib.harness.test_notebook import IMPORT, Notebook

STEP = """
import numpy as np
from numpy import zeros
FACTOR = 0.5

def halved(rate):
    # slower
    return FACTOR * rate

class Other:
    pass

class Step:
    def __call__(self, w, gradient: np.ndarray, rate):
        rng = zeros(3)  # not the notebook's
        return w - halved(rate) * gradient + rng

def my_step(w, gradient, rate):
    return Step()(w, gradient, rate)
"""


@pytest.fixture(scope="module")
def notebook(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    opened = Notebook(Clone(clone_root, tmp_path_factory.mktemp("journal")))
    opened.cell(f"{IMPORT}{STEP}")
    opened.cell("import numpy as np\nrng, data = np.random.default_rng(0), np.ones(3)")
    yield opened
    opened.client._cleanup_kernel()


def _tags(folder: Path) -> dict[str, str]:
    header = next(lines[0] for lines in journals_of(folder).values() if lines[0]["parent"] is None)
    tags: dict[str, str] = header["tags"]
    return tags


def test_it_is_used_recorded_and_repeated(notebook: Notebook, tmp_path: Path) -> None:
    clone = notebook.clone
    notebook.cell('run("tiny", steps=10)')
    plain = clone.newest()
    *_, result = notebook.cell('run("tiny", steps=10, with_={"step": my_step})')
    folder = clone.newest()
    assert set(statuses(folder)) == {"FINISHED"}
    assert digests(folder).keys() == digests(plain).keys()
    assert digests(folder) != digests(plain)
    assert (_tags(plain).get(replaced.TAG), _tags(folder)[replaced.TAG]) == (None, "step")
    assert "with your own step" in result["data"]["text/plain"]
    for name, data in unpacked((folder / "run.files" / "code.tar.gz").read_bytes()).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    source = (tmp_path / "lib" / "replaced.py").read_text()
    assert "# slower" in source
    assert "Other" not in source
    assert "__name__" not in source
    again = Clone(tmp_path, tmp_path / "journal")
    again.journals.mkdir()
    assert again.run("tiny", "--quick", "--set", "steps=10").code == 0
    assert digests(again.newest()) == digests(folder)


def test_it_does_not_speak_for_the_lab(notebook: Notebook) -> None:
    clone = notebook.clone
    notebook.cell('run("tiny", seeds=3, steps=11)')
    plain = clone.newest()
    notebook.cell('run("tiny", quick=False, steps=11, with_={"step": my_step})')
    own = clone.newest()
    (shown,) = notebook.cell(
        "from lib.harness.comparing import from_journals\nprint(*[each.key for each in from_journals.finished('tiny')])"
    )
    assert plain.name in shown["text"].split()
    assert own.name not in shown["text"].split()


@pytest.mark.parametrize(
    ("with_", "named"),
    [
        ('{"stop": my_step}', "'stop' cannot be replaced in tiny; what can: step"),
        ("{}", "a table by name"),
        ("3", "a table by name"),
        ('{"step": 3}', "a class or a function, not int"),
        ('{"step": len}', "a class or a function"),
        ('{"step": lambda w, g, r: w}', "is not known"),
        ('{"step": uses_data}', "it uses data, a ndarray"),
        ('{"step": broken}', "not on its own (ZeroDivisionError"),
        ('{"step": my_step, "stop": older}', "two things are called my_step"),
    ],
)
def test_bad_input_is_one_line(notebook: Notebook, with_: str, named: str) -> None:
    before = len(notebook.clone.runs())
    notebook.cell("def uses_data(w, gradient, rate):\n    return w - data")
    notebook.cell("ZERO = 1\ndef broken(w, gradient, rate=1 / ZERO):\n    return w\nZERO = 0")
    notebook.cell("older = type(my_step)(my_step.__code__, globals())")
    call = f'run("tiny", with_={with_})'
    with pytest.raises(CellExecutionError) as refused:
        notebook.cell(call)
    shown = refused.value.traceback.rpartition(f"{call}\n------------------\n")[2].strip()
    assert len(shown.splitlines()) == 1, shown
    assert named in shown
    assert len(notebook.clone.runs()) == before


def test_code_that_fails_is_failed_trials(notebook: Notebook) -> None:
    notebook.cell("def wrong(w, gradient):\n    return w")
    *_, result = notebook.cell('run("tiny", steps=10, with_={"step": wrong})')
    assert "4 failed" in result["data"]["text/plain"]
