"""Exercises of the lesson on Docker: layers, mounts, a memory limit, digests, and the first difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner
from lib.lessons.units.mistakes import hint_for

STEPS = ["FROM debian", "RUN apt-get install python3", "COPY requirements.txt", "RUN pip install", "COPY settings"]
MOUNTS = {
    "/": "image",
    "/tmp": "tmpfs",
    "/workspace/lib": "bind",
    "/workspace/labs": "bind",
    "/workspace/labs/cache": "tmpfs",
    "/journal": "volume",
}
SURVIVES = {
    "/home/lab/notes.txt": False,
    "/tmp/picture.png": False,
    "/workspace/labs/mine/lesson.ipynb": True,
    "/workspace/labs2/lesson.ipynb": False,
    "/workspace/labs/cache/page.html": False,
    "/journal/run.jsonl": True,
    "/journal": True,
    "/opt/old/journal/run.jsonl": False,
    "/workspace/notes.txt": False,
    "/journals/run.jsonl": False,
}
"""Paths, and whether a file there outlives its container."""


def rebuilt(learner: Learner) -> Hint | None:
    """The changed step and all that come after it."""
    found = []
    for changed in (0, 2, 4):
        value = learner(list(STEPS), changed)
        if isinstance(value, (int, np.integer)):
            return Hint("number")
        try:
            found.append([str(each) for each in value])
        except TypeError:
            return Hint("not_a_list")
    mistakes = {
        "only_changed": [[STEPS[place]] for place in (0, 2, 4)],
        "before": [STEPS[:place] for place in (0, 2, 4)],
        "up_to": [STEPS[: place + 1] for place in (0, 2, 4)],
        "without_itself": [STEPS[place + 1 :] for place in (0, 2, 4)],
        "one_early": [STEPS[max(0, place - 1) :] for place in (0, 2, 4)],
        "all": [STEPS] * 3,
        "only_others": [[step for step in STEPS if step != STEPS[place]] for place in (0, 2, 4)],
        "backwards": [STEPS[place:][::-1] for place in (0, 2, 4)],
        "letters": [list(STEPS[place]) for place in (0, 2, 4)],
    }
    if found == [STEPS[place:] for place in (0, 2, 4)]:
        return None
    return Hint(next((key for key, wrong in mistakes.items() if found == wrong), "other"))


def survives(learner: Learner) -> Hint | None:
    """The mount with the longest folder decides; bind mounts and volumes outlive a container."""
    answer = np.array([learner.number(path, dict(MOUNTS)) for path in SURVIVES])
    expected = np.array(list(SURVIVES.values()), float)
    kept = ("bind", "volume")
    kinds = [MOUNTS[_folder(path)] for path in SURVIVES]
    loose = [MOUNTS[_folder(path, slash=False)] for path in SURVIVES]
    mistakes = {
        "flipped": 1 - expected,
        "no_slash": [kind in kept for kind in loose],
        "only_bind": [kind == "bind" for kind in kinds],
        "only_volume": [kind == "volume" for kind in kinds],
        "tmpfs": [kind != "image" for kind in kinds],
        "not_tmpfs": [kind != "tmpfs" for kind in kinds],
        "anywhere": [any(MOUNTS[folder] in kept and folder in path for folder in MOUNTS) for path in SURVIVES],
        "not_longest": [
            any(MOUNTS[folder] in kept and (path == folder or path.startswith(f"{folder}/")) for folder in MOUNTS)
            for path in SURVIVES
        ],
        "folder_itself": [survived and path not in MOUNTS for path, survived in SURVIVES.items()],
        "no_slash_only_bind": [kind == "bind" for kind in loose],
        "no_slash_only_volume": [kind == "volume" for kind in loose],
        "no_slash_tmpfs": [kind != "image" for kind in loose],
    }
    hint = hint_for(answer, expected, mistakes)
    if hint is not None and hint.key.startswith("no_slash"):
        return Hint("no_slash")
    return hint


def _folder(path: str, slash: bool = True) -> str:
    """The longest mounted folder that has this path; without `slash`, any whose name the path begins with."""
    end = "/" if slash else ""
    inside = [folder for folder in MOUNTS if path == folder or path.startswith(f"{folder.rstrip('/')}{end}")]
    return max(inside, key=len)


def gib(learner: Learner) -> Hint | None:
    """A memory limit in GiB; 0 where there is none."""
    sizes = [8 * 2**30, 2**29, 3_500_000_000]
    answer = np.array([learner.number(f"{size}\n") for size in sizes])
    expected = np.array(sizes) / 2**30
    mistakes = {
        "bytes": sizes,
        "kib": expected * 2**20,
        "mib": expected * 2**10,
        "gigabytes": np.array(sizes) / 1e9,
        "megabytes": np.array(sizes) / 1e6,
        "bits": expected * 8,
        "whole": np.floor(expected),
        "rounded": np.round(expected),
        "upside_down": 1 / expected,
        "tib": expected / 2**10,
    }
    hint = hint_for(answer, expected, mistakes)
    if hint is not None:
        return hint
    return None if learner.number("max\n") == 0 else Hint("no_limit")


def digest(learner: Learner) -> Hint | None:
    """A text that is the same for the same numbers and another one for any others, however near."""
    x = np.random.default_rng(1).normal(size=12)
    near, turned = x.copy(), x[::-1].copy()
    near[5] = np.nextafter(near[5], 9)
    first = learner(x)
    if not isinstance(first, str):
        return _no_text(first)
    if learner(x.copy()) != first:
        return Hint("not_repeatable")
    if learner(x + 1) == first:
        return Hint("always_the_same")
    return _differs(learner, first, near, turned)


def _no_text(value: Any) -> Hint:
    """The hint at something else in the place of a text."""
    if isinstance(value, (bytes, bytearray)):
        return Hint("raw_bytes")
    if hasattr(value, "hexdigest"):
        return Hint("object")
    number = isinstance(value, (int, float, np.number))
    return Hint("number") if number else Hint("not_text", kind=type(value).__name__)


def _differs(learner: Learner, first: str, near: np.ndarray, turned: np.ndarray) -> Hint | None:
    """The digest sees the last bit of a number, the order, and the middle of a long array; and it is short."""
    if learner(near) == first:
        return Hint("rounded")
    if learner(turned) == first:
        return Hint("order")
    long = np.arange(5_000.0)
    other = long.copy()
    other[2_500] += 1
    if learner(long) == learner(other):
        return Hint("skips_the_middle")
    return Hint("long", letters=len(learner(long))) if len(learner(long)) > 200 else None


def first_difference(learner: Learner) -> Hint | None:
    """The first step at which two records differ in any bit; -1 where they are the same."""
    base = np.random.default_rng(3).normal(size=10)
    near, several, early, last = (base.copy() for _ in range(4))
    near[4] = np.nextafter(near[4], 9)
    near[7] += 1
    several[[2, 5, 8]] += (0.1, 3.0, 0.2)
    early[[0, 9]] += (1.0, 0.5)
    last[9] -= 0.3
    others = [near, several, early, last, base.copy()]
    answer = np.array([learner.number(base, other) for other in others])
    places = [np.flatnonzero(base != other) for other in others]
    largest = [int(np.abs(base - other).argmax()) for other in others]
    seen = [np.flatnonzero(~np.isclose(base, other)) for other in others]
    mistakes = {
        "same_is_zero": [place[0] if len(place) else 0 for place in places],
        "same_is_length": [place[0] if len(place) else len(base) for place in places],
        "last": [place[-1] if len(place) else -1 for place in places],
        "count": [len(place) for place in places],
        "from_one": [place[0] + 1 if len(place) else -1 for place in places],
        "tolerant": [place[0] if len(place) else -1 for place in seen],
        "tolerant_same_is_zero": [place[0] if len(place) else 0 for place in seen],
        "largest": [*largest[:-1], -1],
        "largest_or_zero": largest,
        "first_same": [int(np.argmax(base == other)) for other in others],
        "early": [0 if base[0] != other[0] else -1 for other in others],
        "before": [place[0] - 1 if len(place) else -1 for place in places],
        "yes_or_no": [len(place) > 0 for place in places],
    }
    hint = hint_for(answer, np.array([place[0] if len(place) else -1 for place in places], float), mistakes)
    aliases = {"tolerant_same_is_zero": "tolerant", "largest_or_zero": "largest"}
    return hint if hint is None else Hint(aliases.get(hint.key, hint.key), **hint.fields)


EXERCISES = {
    "rebuilt": rebuilt,
    "survives": survives,
    "gib": gib,
    "digest": digest,
    "first_difference": first_difference,
}
