"""``python -m tests.lib.harness.simulation [SECONDS [FIRST]]``: search for schedules that lose something."""

from __future__ import annotations

import sys

from tests.lib.harness.simulation.schedule import Search, search, shortest


def text_of(result: Search) -> str:
    """A search in lines: the schedules, all that happened in them and how often, and what was lost."""
    lines = [f"{result.schedules} schedules in {result.seconds:.0f} s of processor time, {len(result.failed)} failed"]
    lines += [f"{number:8,}  {what}" for what, number in sorted(result.counts.items())]
    for seed, outcome in list(result.failed.items())[:3]:
        lines.append(f"seed {seed}: {'; '.join(outcome.lost[:5])}")
        lines += [f"    {step}" for step in shortest(outcome.steps)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Search. Returns 1 if something was lost."""
    result = search(float(arguments[0]) if arguments else 10.0, int(arguments[1]) if len(arguments) > 1 else 0)
    print(text_of(result))
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
