"""`./invoke claims --publish`: writes the table of verdicts and its pictures into the clone's docs/."""

import base64
import json
import shutil
from pathlib import Path

from host.bootstrap import ledger
from host.bootstrap.paths import ROOT
from lib.harness.errors import UserError

DOCS = ROOT / "docs"
IN_CONTAINER = "/workspace/docs"


def write(labs: list[str], seed: str | None, local: bool) -> None:
    """Publish the runs of these labs, or of the lecture's, that have this root seed. What others have published stays.

    Raises:
        UserError: a lab has no such run, or a file cannot be written.
    """
    results = DOCS / "results"
    try:
        results.mkdir(exist_ok=True)
        with ledger.folder("publish-") as folder:
            files = _made(folder / "files.json", labs, seed, local)
            for lab in {Path(name).parts[1] for name in files if len(Path(name).parts) == 3}:
                shutil.rmtree(results / lab, ignore_errors=True)
            for name, data in files.items():
                file = DOCS / name
                file.parent.mkdir(exist_ok=True)
                with ledger.beside(file) as part:
                    part.write_bytes(base64.b64decode(data))
                    part.replace(file)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written ({error.strerror})") from None
    print(f"{results} ({sum(file.stat().st_size for file in results.rglob('*') if file.is_file()) / 1e6:.1f} MB)")


def _made(file: Path, labs: list[str], seed: str | None, local: bool) -> dict[str, str]:
    """The files by their paths below docs/, in base64, as the program in the container makes them."""
    options = ["--seed", seed] if seed else []
    with file.open("wb") as stream:
        if local:
            from host.runs.without_docker import run

            code = run(["published", str(DOCS), *labs, *options], stream)
        else:
            from host.runs.container import in_container

            mounts = {DOCS / "results": f"{IN_CONTAINER}/results"}
            code = in_container(["published", IN_CONTAINER, *labs, *options], mounts, tracked=False, output=stream)
    if code:
        raise UserError("The table could not be published; what is above says why")
    files: dict[str, str] = json.loads(file.read_bytes())
    return files
