"""`./invoke images`: the images of Fearless Labs that the engine has, and what needs each of them."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from host.bootstrap import process
from host.bootstrap.process import reason
from host.engine import docker, images, project, volumes
from host.machine import env_file, instance
from lib.harness.errors import UserError

USED = "import sys; from lib.harness.commands.used_images import main; main(*sys.argv[1:])"
SECONDS = 120
"""The longest that looking at the runs may take."""
CONTAINER = "[{{json .Name}}, {{json .Image}}, {{json .Config.Labels}}]"


@dataclass(frozen=True)
class Entry:
    """An image of ours, of whatever version.

    Attributes:
        names: its tags; none of one whose name another image has by now.
        bytes: its size; layers that images share count in each.
        content: the first digits of the hash of what it was made of.
        base: the image that it begins with.
        clones: folders of the clones that use it.
        instances: those that have a container of it, running or not.
        runs: keys of runs in this instance's journal that ran in it.
    """

    id: str
    names: list[str]
    bytes: int
    content: str
    base: str
    clones: list[str]
    instances: list[str]
    runs: list[str]

    @property
    def is_needed(self) -> bool:
        """Return whether anything needs it."""
        return bool(self.clones or self.instances or self.runs)


@dataclass(frozen=True)
class Container:
    """A container on the engine, of whatever project."""

    name: str
    image: str
    labels: Mapping[str, str]

    @property
    def instance(self) -> str:
        """Its Compose project, or its name where it has none."""
        return self.labels.get("com.docker.compose.project") or self.name


def entries() -> list[Entry]:
    """The images of ours that the engine has, the largest first.

    Raises:
        UserError: the engine does not say, or this instance's runs cannot be read.
    """
    built = [image for image in map(images.inspect, images.ids()) if image is not None]
    there, runs = _containers(), _runs()
    clones = _clones([container for container in there if container.image in {image.id for image in built}])
    listed = [
        Entry(
            id=image.id,
            names=list(image.names),
            bytes=image.size,
            content=image.content,
            base=image.labels.get("org.fearless-labs.base", "unknown"),
            clones=[folder for folder, names in clones.items() if names & set(image.names)],
            instances=sorted({container.instance for container in there if container.image == image.id}),
            runs=sorted({*runs.get(image.id, ()), *runs.get(image.content, ())}),
        )
        for image in built
        if is_ours(image, built)
    ]
    return sorted(listed, key=lambda entry: (-entry.bytes, entry.id))


def is_ours(image: images.Built, labelled: Iterable[images.Built]) -> bool:
    """Return whether an image with our labels is one of ours, and none that somebody has made of one of `labelled`."""
    if image.names:
        return any(name.startswith(images.REPOSITORY) for name in image.names)
    below = (other.layers for other in labelled if len(other.layers) < len(image.layers))
    return not any(image.layers[: len(layers)] == layers for layers in below)


def _containers() -> list[Container]:
    """All containers on the engine; one that is removed meanwhile is left out."""
    names = docker.must("ps", "--all", "--quiet", "--no-trunc").split()
    shown = docker.call("container", "inspect", "--format", CONTAINER, *names).stdout if names else ""
    found = (json.loads(line) for line in shown.splitlines() if line)
    return [Container(name.lstrip("/"), image, labels or {}) for name, image, labels in found]


def _runs() -> dict[str, list[str]]:
    """The runs of this instance's journal by the id and the content of the image that each ran in."""
    if instance.known() is None or volumes.JOURNAL not in volumes.present():
        return {}
    image = images.last_used(images.TRACKING)
    if image is None:
        raise UserError("Which images the runs need cannot be seen without MLflow's image: ./invoke build, then again")
    place = f"{volumes.DATA}/{volumes.JOURNAL}"
    command = volumes.command(image.id, {volumes.JOURNAL: f"{place}:ro"}, USED, place)
    result = process.output(command, limit=SECONDS, name="looking at the runs")
    if result.returncode:
        raise UserError(f"Which images the runs need cannot be seen: {reason(result.stderr)}")
    runs: dict[str, list[str]] = json.loads(result.stdout)
    return runs


def _clones(ours: list[Container]) -> dict[str, set[str]]:
    """The clones that are known on this engine, by their folders, and the names of the images that each uses.

    Known are this one, and those of which there is one of `ours`, or a volume that says whose an instance is.
    """
    label = f'{{{{.Label "{project.LABEL}"}}}}'
    marked = docker.must("volume", "ls", "--filter", f"label={project.LABEL}", "--format", label)
    folders = {container.labels.get(project.WORKING_DIR, "") for container in ours} | set(marked.splitlines())
    known = {folder: _names_in(folder) for folder in sorted(folders) if folder and instance.is_used_elsewhere(folder)}
    own = {image.name for image in (*images.IMAGES, *images.GPU.values())}
    return {instance.here(): own | _names_in(instance.here())} | known


def _names_in(folder: str) -> set[str]:
    """The images that the .env of a clone names; a clone that names none is of before images were named by content."""
    try:
        settings = env_file.read(Path(folder, ".env"))
    except UserError:  # another user's
        settings = {}
    named = {settings[name] for name in images.SETTINGS if name in settings}
    return named or {image.earlier_name for image in images.IMAGES}


def show(as_json: bool) -> None:
    """Print the images, as a table or as JSON."""
    listed = entries()
    if as_json:
        print(json.dumps([asdict(entry) | {"needed": entry.is_needed} for entry in listed], indent=1))
        return
    _print_table(listed)
    spare = [entry for entry in listed if not entry.is_needed]
    print(f"{amount(listed)}. " + (f"Nothing needs {amount(spare)}: ./invoke clean" if spare else "All are needed."))


def amount(listed: list[Entry]) -> str:
    """The number and the size of images, as text; layers that they share count in each."""
    size = sum(entry.bytes for entry in listed) / 1e9
    return f"{len(listed)} image{'' if len(listed) == 1 else 's'} (up to {size:.1f} GB)"


def title(entry: Entry) -> str:
    """The names of an image, or its id where it has none."""
    return ", ".join(entry.names) or f"{entry.id[:19]} (no name)"


def _print_table(listed: list[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("image", no_wrap=True)
    rows.add_column("GB")
    rows.add_column("needed by", overflow="fold")
    for entry in listed:
        rows.add_row(*map(Text, (title(entry), f"{entry.bytes / 1e9:.2f}", _needed_by(entry))))
    Console(width=None if sys.stdout.isatty() else 160).print(rows)


def _needed_by(entry: Entry) -> str:
    parts = ["this clone" if instance.is_here(folder) else f"the clone {folder}" for folder in entry.clones]
    parts += [f"the instance {name}" for name in entry.instances]
    if entry.runs:
        parts.append(f"{len(entry.runs)} run{'' if len(entry.runs) == 1 else 's'}")
    return ", ".join(parts) or "nothing"
