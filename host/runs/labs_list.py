"""`./invoke labs`: the full list from the lab image; before there is one, what the labs' sources say."""

import json
from collections.abc import Iterable

from host.bootstrap.paths import ROOT
from host.engine import docker, images
from host.runs.container import in_container
from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.source import LabEntry


def show(*, as_json: bool) -> int:
    """Print the list. Returns the program's exit code. Where there is no image yet, no container is started."""
    if docker.available() and images.present(images.LAB):
        return in_container(["labs", *(["--json"] if as_json else [])], tracked=False)
    entries = find_labs(ROOT).values()
    if as_json:
        _print_json(entries)
    else:
        _print_table(entries)
    return 0


def _print_json(entries: Iterable[LabEntry]) -> None:
    """Print the list as the program does; without the rows, which only a loaded lab knows."""
    labs = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "minutes": entry.minutes,
            "frameworks": list(entry.frameworks),
            "verdicts": {},
        }
        for entry in entries
    ]
    print(json.dumps(labs, indent=1, ensure_ascii=False))


def _print_table(entries: Iterable[LabEntry]) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = Table("lab", "what it shows", "minutes", "last verdict", box=None, header_style="bold", pad_edge=False)
    for entry in entries:
        rows.add_row(entry.name, entry.summary, f"{entry.minutes:g}", "not run yet")
    Console().print(rows)
