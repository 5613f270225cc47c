"""`./invoke labs`: the full list from the lab image; before there is one, what the labs' sources say."""

from host.bootstrap.paths import ROOT
from host.engine import docker, images
from host.runs.container import in_container
from lib.harness.contract.catalogue import find_labs


def show() -> int:
    """Print the list. Returns the program's exit code. Where there is no image yet, no container is started."""
    if docker.available() and images.present(images.LAB):
        return in_container(["labs"], tracked=False)
    _from_sources()
    return 0


def _from_sources() -> None:
    from rich.console import Console
    from rich.table import Table

    rows = Table("lab", "what it shows", "minutes", "last verdict", box=None, header_style="bold", pad_edge=False)
    for entry in find_labs(ROOT).values():
        rows.add_row(entry.name, entry.summary, f"{entry.minutes:g}", "not run yet")
    Console().print(rows)
