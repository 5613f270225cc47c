"""Tries to make the programs lose something: `./invoke torture` (docs/reliability.md).

Schedules of the simulation (tests/lib/harness/simulation), and faults in the real programs: at each place where one of
them writes, syncs, renames or links a file, strace lets that call fail or kills the process there.
"""
