"""``python -m tests.torture``: the simulation and the faults, as `host.checks.torture` starts them.

    python -m tests.torture SECONDS WHAT…    what: simulation, lab, sync, import, load, bundle, backup
    python -m tests.torture replay WHAT      as a failure is printed: simulation:SEED, COMMAND:CALL:PATH:NUMBER:ACTION

It prints what was tried, how often, and what was lost. Exit code 1 if anything was. ``--until-lost``: stop there.
``--from N``: the first seed.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.torture import campaign

SHARE = 0.3
"""Of the time, for the simulation where faults are tried as well."""
AGAIN = "./invoke torture --replay"


def main(arguments: list[str]) -> int:
    """Try. Returns 1 if anything was lost."""
    line = argparse.ArgumentParser(prog="python -m tests.torture")
    line.add_argument("seconds")
    line.add_argument("what", nargs="+")
    line.add_argument("--until-lost", action="store_true")
    line.add_argument("--from", dest="first", type=int, default=0)
    args = line.parse_args(arguments)
    if args.seconds == "replay":
        return replay(args.what)
    faults = [name for name in campaign.COMMANDS if name in args.what]
    simulates = "simulation" in args.what
    deadline = time.monotonic() + float(args.seconds)
    lost = 0
    if simulates:
        from tests.torture import simulation

        share = SHARE if faults else 1.0
        found = simulation.search(float(args.seconds) * share, args.first, until_lost=args.until_lost)
        print("\n".join(simulation.table(found)), flush=True)
        for seed, outcome in found.failed.items():
            print(f"LOST {'; '.join(outcome)[:500]}\n     again: {AGAIN} simulation:{seed}", flush=True)
        lost += len(found.failed)
    if faults and not (lost and args.until_lost):
        say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
        left = deadline - time.monotonic()
        tried = campaign.run(faults, left, args.first, until_lost=args.until_lost, say=say)
        print("\n".join(campaign.table(tried, faults)), flush=True)
        for fault, lines in tried.lost.items():
            print(f"LOST {'; '.join(lines)[:500]}\n     again: {AGAIN} '{fault}'", flush=True)
        lost += len(tried.lost)
    return 1 if lost else 0


def replay(what: list[str]) -> int:
    """Try these again. Returns 1 if anything is lost."""
    code = 0
    for text in what:
        kind, _, seed = text.partition(":")
        if kind == "simulation":
            from tests.torture import simulation  # which needs what the lab image has

            lines = simulation.replay(int(seed))
        else:
            lines = campaign.replay(text)
        print("\n".join(lines) if lines else f"{text}: nothing is lost")
        code = 1 if lines else code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
