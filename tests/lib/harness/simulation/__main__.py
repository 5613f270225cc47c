"""``python -m tests.lib.harness.simulation [SECONDS [FIRST]]``: search for schedules that lose something."""

from __future__ import annotations

import sys

from tests.lib.harness.simulation.schedule import Search, search, shortest


def told(found: Search) -> str:
    """A search in lines: the schedules, all that happened in them and how often, and what was lost."""
    lines = [f"{found.schedules} schedules in {found.seconds:.0f} s of processor time, {len(found.failed)} failed"]
    lines += [f"{number:8,}  {what}" for what, number in sorted(found.counts.items())]
    for seed, outcome in list(found.failed.items())[:3]:
        lines.append(f"seed {seed}: {'; '.join(outcome.lost[:5])}")
        lines += [f"    {step}" for step in shortest(outcome.steps)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Search. Returns 1 if something was lost."""
    found = search(float(arguments[0]) if arguments else 10.0, int(arguments[1]) if len(arguments) > 1 else 0)
    print(told(found))
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
