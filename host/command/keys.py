"""The end of `./invoke lab NAME --help`: the keys that `--set` takes for this lab."""

from host.bootstrap.paths import ROOT
from host.machine.labs_named import find
from lib.harness.contract.keys import Key, keys_of


def keys_of_lab(name: str) -> list[Key]:
    """The keys of the lab `name`. Raises `UserError` when there is no such lab."""
    return keys_of(ROOT, find(name).file)


def print_keys(name: str, keys: list[Key]) -> None:
    """Print the keys as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("key", "type and range", "default", "why this default"):
        table.add_column(column, overflow="fold")
    for key in keys:
        table.add_row(*map(Text, (key.name, key.kind, key.default, key.reason)))
    print(f"Keys of {name} for --set KEY=VALUE:\n")
    Console().print(table)
