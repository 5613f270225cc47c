"""`./invoke claims`: the lecture's claims with their verdicts; compared with expected ones, published if asked for."""

import json
import sys
from argparse import Namespace

from host.bootstrap.paths import caller_path
from host.command.place import goes_local, run_lib
from host.machine.labs_named import in_container, names
from host.runs import published, snapshot
from lib.harness.contract.options import arguments, options_of
from lib.harness.errors import UserError

EXPECTED = "/workspace/expected.json"


def run_claims(options: Namespace) -> int:
    """Print the claims, and publish them if asked for. Returns the exit code of the program."""
    if options.publish and options.quick:
        raise UserError("--publish and --quick cannot be combined: the published table is of full runs")
    labs = names(options.only)
    code = _print(labs, options)
    if options.publish and code:
        print("Nothing is published: what is above says why", file=sys.stderr)
    elif options.publish:
        published.write(labs, options.seed, goes_local(options.local))
    return code


def _print(labs: list[str], options: Namespace) -> int:
    line, own = ["claims", *labs], [in_container(name) for name in labs]
    table, values = options_of("claims"), vars(options)
    if options.expect is None:
        return run_lib([*line, *arguments(table, values)], options.local, labs=own)
    # a copy, which the container's user can read whatever the mode of the caller's file is
    with snapshot.taken({"expected.json": _expected(options.expect)}) as folder:
        line += arguments(table, values | {"expect": EXPECTED})
        return run_lib(line, options.local, {folder / "expected.json": EXPECTED}, labs=own)


def _expected(name: str) -> bytes:
    """The content of the file that `--expect` names, a list of claims."""
    file = caller_path(name)
    if not file.is_file():
        raise UserError(f"--expect {name}: there is no such file")
    try:
        content = file.read_bytes()
        for claim in json.loads(content):
            _ = claim["id"], claim["verdict"]
    except OSError as error:
        raise UserError(f"--expect {name}: it cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"--expect {name}: it must be a file that './invoke claims --json' has written") from None
    return content
