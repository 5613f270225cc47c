"""What code of one's own takes the place of in a run: ``run(lab, with_={"Momentum": MyMomentum})`` in a notebook.

The copy of the code that such a run is started from, and so its record, has the module ``lib.replaced`` with the table
``PARTS``. A clone has no such file. A lab names in `Lab.replaceable` what may be replaced, and asks here for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lib.harness.errors import UserError, short

MODULE = "lib.replaced"
TABLE = "PARTS"
TAG = "lab.replaced"
"""The tag with the names of what was replaced, joined by commas. A run that has it does not speak for its lab."""


@cache
def _parts() -> Mapping[str, Any]:
    if find_spec(MODULE) is None:
        return {}
    parts: Mapping[str, Any] = getattr(import_module(MODULE), TABLE)
    return parts


def replacement(name: str) -> Any | None:
    """Return what takes the place of the lab's own `name` in this run; None: nothing does."""
    return _parts().get(name)


def tags() -> dict[str, str]:
    """The tag of a run in which something is replaced."""
    return {TAG: ",".join(sorted(_parts()))} if _parts() else {}


def require_replaceable(lab: str, replaceable: Iterable[str]) -> None:
    """Raises `UserError` where this run replaces what the lab does not name, or with code that cannot be loaded."""
    known = sorted(replaceable)
    try:
        unknown = sorted(_parts().keys() - set(known))
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"with_: this code works in the notebook, but not on its own ({reason})") from error
    if unknown:
        names = ", ".join(known) or "nothing"
        raise UserError(f"with_: '{short(unknown[0])}' cannot be replaced in {lab}; what can: {names}")
