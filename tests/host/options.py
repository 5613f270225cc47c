"""Options of a command as its task gets them."""

from argparse import Namespace
from typing import Any

from lib.harness.contract.options import options_of


def given(command: str, name: str, **values: Any) -> Namespace:
    """`command` on the lab `name` with these options, all others not given."""
    absent: dict[str, Any] = {
        option.key: [] if option.repeatable else None if option.metavar else False for option in options_of(command)
    }
    assert values.keys() <= absent.keys()
    return Namespace(name=name, **(absent | values))
