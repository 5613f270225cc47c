"""The lesson on Docker: solutions pass, typical mistakes get their hints, the pictures agree with the recipe."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lib.lessons.units.docker import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "rebuilt": "def rebuilt(steps, changed):",
    "survives": "def survives(path, mounts):",
    "gib": "def gib(text):",
    "digest": "import hashlib\n\ndef digest(array):",
    "first_difference": "def first_difference(left, right):",
}
INSIDE = 'path == folder or path.startswith(folder + "/")'
KEPT = 'mounts[best] in ("bind", "volume")'


def mounted(inside: str = INSIDE, kept: str = KEPT) -> str:
    """The body of `survives` with these two lines."""
    return (
        'best = "/"\nfor folder in mounts:\n'
        f"    inside = {inside}\n"
        "    if inside and len(folder) > len(best):\n        best = folder\n"
        f"return {kept}"
    )


def limit(body: str) -> str:
    """The body of `gib` for a number."""
    return f'if text.strip() == "max":\n    return 0\n{body}'


MISTAKES = {
    "rebuilt": {
        "only_changed": ("return [steps[changed]]", "return steps[changed : changed + 1]"),
        "before": ("return steps[:changed]", "return [steps[i] for i in range(changed)]"),
        "up_to": ("return steps[: changed + 1]", "return [s for i, s in enumerate(steps) if i <= changed]"),
        "without_itself": ("return steps[changed + 1 :]", "return [s for i, s in enumerate(steps) if i > changed]"),
        "one_early": ("return steps[max(0, changed - 1) :]", "return steps[changed - 1 if changed else 0 :]"),
        "all": ("return steps", "return list(steps)"),
        "letters": ("return steps[changed]", "return [letter for letter in steps[changed]]"),
        "number": ("return len(steps) - changed", "return len(steps[changed:])"),
    },
    "survives": {
        "no_slash": (mounted("path.startswith(folder)"), mounted("path[: len(folder)] == folder")),
        "flipped": (mounted(kept='mounts[best] in ("image", "tmpfs")'), mounted(kept=f"not {KEPT}")),
        "only_bind": (mounted(kept='mounts[best] == "bind"'), mounted(kept='"bind" in mounts[best]')),
        "only_volume": (mounted(kept='mounts[best] == "volume"'), mounted(kept='not mounts[best] != "volume"')),
        "tmpfs": (mounted(kept='mounts[best] != "image"'), mounted(kept='best != "/"')),
        "not_tmpfs": (mounted(kept='mounts[best] != "tmpfs"'), mounted(kept='mounts[best] in "image bind volume"')),
        "folder_itself": (
            mounted('path.startswith(folder + "/")'),
            mounted('(folder + "/") == path[: len(folder) + 1]'),
        ),
        "not_longest": (
            f'return any({INSIDE} for folder in mounts if mounts[folder] in ("bind", "volume"))',
            f"for folder in mounts:\n    if ({INSIDE}) and mounts[folder] in ('bind', 'volume'):\n"
            "        return True\nreturn False",
        ),
    },
    "gib": {
        "bytes": (limit("return int(text)"), limit("return float(text)")),
        "gigabytes": (limit("return int(text) / 1e9"), limit("return int(text) / 1000 / 1000 / 1000")),
        "mib": (limit("return int(text) / 2**20"), limit("return int(text) / 1024 / 1024")),
        "kib": (limit("return int(text) / 1024"), limit("return int(text) / 2**10")),
        "whole": (limit("return int(text) // 2**30"), limit("return int(int(text) / 2**30)")),
        "upside_down": (limit("return 2**30 / int(text)"), limit("return 1 / (int(text) / 1024**3)")),
        "no_limit": (
            'if text.strip() == "max":\n    return -1\nreturn int(text) / 2**30',
            'return int(text) / 2**30 if text[0] != "m" else 16',
        ),
        "exception": (
            'if text == "max":\n    return 0\nreturn int(text) / 2**30',
            "return int(text) / 1024**3",
        ),
    },
    "digest": {
        "rounded": (
            "return hashlib.sha256(str(array).encode()).hexdigest()",
            "return hashlib.sha256(np.round(array, 10).tobytes()).hexdigest()",
        ),
        "order": (
            "return hashlib.sha256(np.sort(array).tobytes()).hexdigest()",
            'return hashlib.sha256(b"".join(sorted(x.tobytes() for x in array))).hexdigest()',
        ),
        "object": ("return hashlib.sha256(array.tobytes())", "h = hashlib.sha256()\nh.update(array)\nreturn h"),
        "raw_bytes": ("return hashlib.sha256(array.tobytes()).digest()", "return hashlib.md5(array).digest()"),
        "number": ("return hash(array.tobytes())", "return int(hashlib.sha256(array.tobytes()).hexdigest(), 16)"),
        "not_repeatable": (
            "return hashlib.sha256(str(id(array)).encode() + np.random.default_rng().bytes(4)).hexdigest()",
            "import time\nreturn hashlib.sha256(array.tobytes() + str(time.perf_counter_ns()).encode()).hexdigest()",
        ),
        "always_the_same": (
            'return hashlib.sha256(b"array").hexdigest()',
            "return hashlib.sha256(str(array.shape).encode()).hexdigest()",
        ),
        "skips_the_middle": (
            "return hashlib.sha256(np.array2string(array, precision=17).encode()).hexdigest()",
            "return hashlib.sha256(np.concatenate([array[:20], array[-20:]]).tobytes()).hexdigest()",
        ),
        "long": ("return array.tobytes().hex()", 'return " ".join(x.hex() for x in array)'),
    },
    "first_difference": {
        "same_is_zero": (
            "return np.argmax(left != right)",
            "for i in range(len(left)):\n    if left[i] != right[i]:\n        return i\nreturn 0",
        ),
        "last": (
            "where = -1\nfor i in range(len(left)):\n    if left[i] != right[i]:\n        where = i\nreturn where",
            "different = np.flatnonzero(left != right)\nreturn different[-1] if len(different) else -1",
        ),
        "count": ("return np.sum(left != right)", "return len(np.flatnonzero(left - right))"),
        "from_one": (
            "for i in range(len(left)):\n    if left[i] != right[i]:\n        return i + 1\nreturn -1",
            "for i, (a, b) in enumerate(zip(left, right), 1):\n    if a != b:\n        return i\nreturn -1",
        ),
        "tolerant": (
            "for i in range(len(left)):\n    if not np.isclose(left[i], right[i]):\n        return i\nreturn -1",
            "for i in range(len(left)):\n    if abs(left[i] - right[i]) > 1e-9:\n        return i\nreturn -1",
        ),
        "largest": (
            "gap = np.abs(left - right)\nreturn gap.argmax() if gap.any() else -1",
            "return int(np.argmax((left - right) ** 2))",
        ),
        "early": (
            "for i in range(len(left)):\n    if left[i] != right[i]:\n        return i\n    return -1",
            "return 0 if left[0] != right[0] else -1",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("docker", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_the_solution_passes(exercise: str) -> None:
    assert answer("docker", exercise, f"import hashlib\nimport numpy as np\n{solution('11-docker', exercise)}") is None


@pytest.mark.parametrize("code", ["hashlib.md5(array)", "hashlib.blake2b(np.ascontiguousarray(array), digest_size=16)"])
def test_another_fingerprint_is_right(code: str) -> None:
    body = f"import hashlib\n\ndef digest(array):\n    return {code}.hexdigest()\n"
    assert answer("docker", "digest", body) is None


def key(name: str, **fields: object) -> str:
    """Stand in for the texts: the key and its fields."""
    return " ".join([name, *(f"{field}={value}" for field, value in fields.items())])


def words(figure: Figure) -> list[str]:
    """All that the only axis says, besides its title."""
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize(
    ("changed", "again"),
    [("code", 0), ("settings", 1), ("data", 2), ("packages", 3), ("base", 5)],
)
def test_a_changed_layer_takes_those_above_it_along(changed: str, again: int) -> None:
    figure = Figure()
    explore.draw_layers(figure, key, changed=changed)
    assert words(figure).count("again") == again
    assert words(figure).count("reused") == len(explore.LAYERS) - again
    assert f"count={again}" in figure.axes[0].get_title()


def test_the_layers_are_in_the_order_of_the_recipe() -> None:
    recipe = (Path(__file__).parents[4] / "docker" / "Dockerfile").read_text(encoding="utf-8")
    marks = (
        "FROM ${BASE_IMAGE}",
        "fonts-nanum",
        "COPY --from=env /opt/labs",
        "COPY --from=data",
        "COPY docker/jupyter /opt/labs",
    )
    places = [recipe.index(mark) for mark in marks]
    assert places == sorted(places)
    assert len(marks) == len(explore.LAYERS)


@pytest.mark.parametrize("mount", [True, False])
@pytest.mark.parametrize("volume", [True, False])
def test_what_is_attached_survives(mount: bool, volume: bool) -> None:
    figure = Figure()
    explore.draw_view(figure, key, volume=volume, mount=mount, network=False, limit=4)
    said = words(figure)
    assert said.count("kept") == mount + volume
    assert said.count("lost") == 3 - mount - volume
    assert "memory_inside limit=4" in said and "network_closed" in said
