"""The test lab (`tests.lib.harness.labs.tiny`) under another name, in another place. The standard library alone."""

from pathlib import Path

SOURCE = Path(__file__).parent / "lib" / "harness" / "labs" / "tiny.py"


def source(name: str, *imports: str) -> str:
    """Its source, with another name and more imports."""
    text = SOURCE.read_text(encoding="utf-8").replace('name="tiny"', f'name="{name}"')
    return text.replace("import numpy as np\n", "\n".join(["import numpy as np", *imports, ""]))


def put(path: Path, name: str, *imports: str) -> Path:
    """Write it to a file, whose folder is made if need be. Returns the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source(name, *imports), encoding="utf-8")
    return path


def add_to(clone: Path) -> None:
    """Put it among the labs of the lecture in a clone, as ``tiny``."""
    put(clone / "lib" / "tiny" / "lab.py", "tiny")
    (clone / "lib" / "tiny" / "__init__.py").write_text('"""A lab that takes a second."""\n', encoding="utf-8")
