#!/usr/bin/python3
"""sort-database.py FILE: writes an SQLite database again, its tables, constraints and indices in order.

MLflow's migrations go through sets, whose order is another one in every process: the same schema, but other bytes.
"""

import os
import re
import sqlite3
import sys
from pathlib import Path

CONSTRAINT = ("CONSTRAINT", "CHECK", "FOREIGN", "PRIMARY", "UNIQUE")


def in_order(statement: str) -> str:
    """A CREATE TABLE whose constraints, which follow its columns line by line, are sorted."""
    if not statement.startswith("CREATE TABLE"):
        return statement
    opening, *lines, closing = statement.split("\n")
    items = [re.sub(r",? *$", "", line) for line in lines]
    if any(not item.startswith("\t") for item in items):
        return statement
    columns = [item for item in items if not item.strip().startswith(CONSTRAINT)]
    constraints = [item for item in items if item.strip().startswith(CONSTRAINT)]
    return "\n".join([opening, ", \n".join([*columns, *sorted(constraints)]), closing])


def main(file: Path) -> None:
    """Replace the file by its sorted copy, of the same owner and mode."""
    with sqlite3.connect(file) as database:
        statements = list(database.iterdump())
    copy = file.with_name(f"{file.name}.sorted")
    indices = [statement for statement in statements if statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))]
    others = [in_order(statement) for statement in statements if statement not in indices]
    with sqlite3.connect(copy) as database:
        database.executescript("\n".join([*others[:-1], *sorted(indices), others[-1]]))
    status = file.stat()
    os.chown(copy, status.st_uid, status.st_gid)
    copy.chmod(status.st_mode & 0o7777)
    copy.replace(file)


main(Path(sys.argv[1]))
