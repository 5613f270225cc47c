"""`./invoke claims`: the lecture's claims with their verdicts, compared with expected ones if asked for."""

from argparse import Namespace

from host.bootstrap.paths import caller_path
from host.command.place import run_lib
from host.machine.labs_named import names
from lib.harness.contract.options import arguments, options_of
from lib.harness.errors import UserError

EXPECTED = "/workspace/expected.json"


def run_claims(options: Namespace) -> int:
    """Print the claims. Returns the exit code of the program."""
    values, mounts = vars(options), {}
    if options.expect is not None:
        file = caller_path(options.expect)
        if not file.is_file():
            raise UserError(f"--expect {options.expect}: there is no such file")
        mounts = {file: EXPECTED}
        values = values | {"expect": EXPECTED}
    return run_lib(["claims", *names(options.only), *arguments(options_of("claims"), values)], options.local, mounts)
