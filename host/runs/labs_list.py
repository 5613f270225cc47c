"""`./invoke labs`: the full list from the lab image; before there is one, what the labs' sources say."""

from host.bootstrap.paths import ROOT
from host.engine import docker, images
from host.runs.container import in_container
from lib.harness.contract.catalogue import find_labs


def show() -> None:
    """Print the list. It builds nothing and starts no container where there is no image yet."""
    if docker.available() and images.is_current(images.LAB, images.inspect(images.LAB.name)):
        in_container(["labs"], tracked=False)
    else:
        _from_sources()


def _from_sources() -> None:
    from rich.console import Console
    from rich.table import Table

    rows = Table("lab", "what it shows", "minutes", "last verdict", box=None, header_style="bold", pad_edge=False)
    for entry in find_labs(ROOT).values():
        rows.add_row(entry.name, entry.summary, f"{entry.minutes:g}", "not run yet")
    Console().print(rows)
