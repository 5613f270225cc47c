"""Images by their ids, code as it was when a lab began, memory that did not suffice, a terminal: in real containers."""

import json
import os
import pty
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.engine import images
from host.machine import ports
from host.records import recorded_image
from lib.harness.errors import UserError
from lib.harness.recording import provenance
from tests.host.clone import Instance, command, copy_clone, share_venv

WAITS = '''
"""Waits for a word in a file beside it, and only then imports the modules that it computes with."""

import time
from pathlib import Path

from fearless_labs import Claim, Config, Lab


def train(config, seed, log):
    while (Path(__file__).parent / "go").read_text() != "now":
        time.sleep(0.1)
    import late
    from lib.models import late_in_lib

    return {"value": 1.0 * late.X, "of_lib": 1.0 * late_in_lib.X}


LAB = Lab(
    name="waits",
    summary="it shows what ran",
    frameworks=("numpy",),
    config=Config,
    trials=train,
    variants={"one": {}},
    claims=(Claim("one", measure=lambda results: float(results["one"].value.values[0]), kind="exact", at_least=1),),
)
'''
SHOWS = '''
"""Prints how it is asked to show itself."""

import os

from fearless_labs import Claim, Config, Lab


def train(config, seed, log):
    print("SHOWN", *(os.environ.get(name) for name in ("NO_COLOR", "TERM", "TZ")))
    return {"value": 1.0}


LAB = Lab(
    name="shows",
    summary="it shows itself as its terminal asks",
    frameworks=("numpy",),
    config=Config,
    trials=train,
    variants={"one": {}},
    claims=(Claim("one", measure=lambda results: float(results["one"].value.values[0]), kind="exact", at_least=1),),
)
'''


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A copy of the clone with MLflow and journals of its own, which are deleted at the end."""
    folder = tmp_path_factory.mktemp("what-ran")
    folder.chmod(0o755)  # a container's user reads what lies beside a lab
    made = Instance(share_venv(copy_clone(folder / "clone")), {"MLFLOW_PORT": str(ports.next_free(5800, set()))})
    yield made
    made.remove()


def running_labs(clone: Instance) -> list[str]:
    """The names of the containers of labs that run."""
    label = f"label=com.docker.compose.project={clone.project}"
    command = ["docker", "ps", "--filter", label, "--filter", "label=com.docker.compose.service=lab"]
    done = subprocess.run([*command, "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def begun(clone: Instance, process: subprocess.Popen[str]) -> str:
    """The name of a lab's container, once it runs."""
    while process.poll() is None:
        if names := running_labs(clone):
            return names[0]
        time.sleep(0.1)
    raise AssertionError(process.communicate())


def image_of(container: str) -> tuple[str, str]:
    """The image by which a container was started, and the one that it has."""
    command = ["docker", "inspect", "--format", "{{.Config.Image}} {{.Image}}", container]
    asked, had = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return asked, had


def exported(clone: Instance, run: str, folder: Path) -> tuple[dict[str, str], Path, Path]:
    """The tags of a run, its artifacts, and those of its first trial."""
    clone.must("export", run, "--out", folder)
    (parent,) = [path.parent for path in folder.glob("*/run.json") if "trial" not in path.parent.name]
    tags: dict[str, str] = json.loads((parent / "run.json").read_text())["tags"]
    return tags, parent / "artifacts", folder / f"{parent.name}.trial-0000" / "artifacts"


def test_an_edit_while_a_lab_runs_changes_nothing_and_its_image_is_the_recorded_one(
    clone: Instance, tmp_path: Path
) -> None:
    work = clone.root.parent
    late = {work / "late.py": "X = 1\n", clone.root / "lib" / "models" / "late_in_lib.py": "X = 1\n"}
    for file, text in (late | {work / "waits.py": WAITS, work / "go": "not yet"}).items():
        file.write_text(text)
    process = clone.start("lab", str(work / "waits.py"), "--seeds", "1", "--workers", "1")
    try:
        asked, had = image_of(begun(clone, process))
        for file in late:
            replacement = file.with_name("replacement")  # as an editor or git replaces a file
            replacement.write_text("X = 2\n")
            replacement.replace(file)
        (work / "waits.py").write_text(WAITS.replace("1.0 *", "3.0 *"))
        (work / "go").write_text("now")
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, out + err
    assert "edited" not in out + err
    tags, artifacts, trial = exported(clone, "last:waits", tmp_path / "records")
    image = images.must_inspect(images.LAB)
    assert tags["lab.image"] == asked == had == image.id
    assert tags["lab.image_content"] == image.content
    (listed,) = [one for one in json.loads(clone.must("images", "--json")) if one["id"] == image.id]
    assert tags["lab.run"] in listed["runs"]
    assert json.loads((trial / "measurements.json").read_text()) == {"of_lib": 1.0, "value": 1.0}
    with tarfile.open(artifacts / "code.tar.gz") as code:
        recorded = {member.name: code.extractfile(member).read() for member in code}  # type: ignore[union-attr]
    assert recorded["lib/models/late_in_lib.py"] == recorded["outside/late.py"] == b"X = 1\n"
    assert recorded["outside/waits.py"].decode() == WAITS
    assert tags["lab.code_sha256"] == provenance.sha256_of_files(recorded)
    mlflow = f"{clone.project}-mlflow-1"
    assert image_of(mlflow) == (images.must_inspect(images.TRACKING).id,) * 2


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_container_that_somebody_stops_is_not_said_to_lack_memory(clone: Instance, how: str) -> None:
    (clone.root.parent / "waits.py").write_text(WAITS)
    for file in (clone.root.parent / "late.py", clone.root / "lib" / "models" / "late_in_lib.py"):
        file.write_text("X = 1\n")
    (clone.root.parent / "go").write_text("never")
    process = clone.start("lab", str(clone.root.parent / "waits.py"), "--seeds", "1", "--workers", "1")
    try:
        subprocess.run(["docker", how, begun(clone, process)], capture_output=True, check=True)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    said = {2: "stopped from outside"} | ({130: "Interrupted"} if how == "stop" else {})  # once the lab has begun
    assert process.returncode in said, err
    assert said[process.returncode] in err.splitlines()[-1]
    assert "LAB_MEMORY" not in err


@pytest.mark.parametrize("memory", ["64m", "300m"], ids=["the program", "a worker"])
def test_memory_that_does_not_suffice_is_named_with_its_setting(clone: Instance, memory: str) -> None:
    code, _, err = Instance(clone.root, {**clone.environment, "LAB_MEMORY": memory}, clone.project).invoke(
        "lab", "lenet", "--quick", "--seeds", "1"
    )
    assert code == 2, err
    assert re.search(rf"LAB_MEMORY (is|\(it is) {memory}", err.splitlines()[-1]), err
    assert running_labs(clone) == []


@pytest.mark.parametrize("name", ["LAB_CPU_IMAGE", "TRACKING_IMAGE", "LAB_IMAGE", "LAB_CODE_LIB"])
def test_another_image_or_code_than_the_recorded_one_cannot_be_set(clone: Instance, name: str) -> None:
    settings = clone.root / ".env"
    before = settings.read_text() if settings.exists() else ""
    by_environment = Instance(clone.root, {**clone.environment, name: "debian:12"}, clone.project)
    for instance, place in ((by_environment, "the environment"), (clone, ".env")):
        if place == ".env":
            settings.write_text(f"{before}\n{name}=debian:12\n")
        try:
            code, out, err = instance.invoke("lab", "optimizers", "--quick")
        finally:
            settings.write_text(before)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert f"{name} is set in {place}" in err


def test_a_file_for_compose_may_limit_a_lab_and_not_change_what_it_records(clone: Instance) -> None:
    override = clone.root / "compose.override.yaml"
    lab = clone.root.parent / "shows.py"
    lab.write_text(SHOWS)
    try:
        for change, named in (("image: debian:12", "image"), ("volumes: [.:/workspace/lib]", "volumes")):
            override.write_text(f"services:\n  lab:\n    {change}\n")
            code, out, err = clone.invoke("lab", lab, "--quick")
            assert (code, out, len(err.splitlines())) == (2, "", 1), err
            assert f"compose.override.yaml changes {named} of the service lab" in err
        override.write_text("services:\n  lab:\n    cpus: 1\n")
        clone.must("lab", lab, "--rehearse", "--quick")
    finally:
        override.unlink()


def of_record(image: str, **tags: str) -> dict[str, str]:
    """The tags of a run in the present lab image, changed by `tags`."""
    recipe = recipe_of(images.LAB.name)
    return {"lab.image": image, "lab.lock_sha256": images.LAB.lock_sha256, "lab.recipe_sha256": recipe, **tags}


def recipe_of(image: str) -> str:
    """The digest of what an image was made of."""
    command = ["docker", "run", *recorded_image.ALONE, image, "-c", recorded_image.RECIPE]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def foreign() -> Iterator[str]:
    """The id of an image that is none of ours."""
    command = ["docker", "import", "-"]
    empty = bytes(10240)
    made = subprocess.run(command, input=empty, capture_output=True, check=True).stdout.decode().strip()
    yield made
    subprocess.run(["docker", "image", "rm", made], capture_output=True, check=True)


def chosen(tags: dict[str, str], recipe: bytes | None = None, near: bool = False) -> recorded_image.Choice:
    return recorded_image.choose("KEY", tags, recipe, images.LAB, near)


def refused(tags: dict[str, str]) -> str:
    with pytest.raises(UserError) as error:
        chosen(tags)
    assert "\n" not in str(error.value)
    assert "--image near" in str(error.value)
    return str(error.value)


GONE = f"sha256:{'0' * 64}"


def test_a_run_is_reproduced_in_its_own_image_or_one_that_was_made_of_the_same() -> None:
    lab = images.must_inspect(images.LAB)
    assert chosen(of_record(lab.id)) == recorded_image.Choice(lab)
    by_content = chosen(of_record(GONE))  # the engine may have several that were made of the same
    assert not by_content.instead_of
    assert recipe_of(by_content.built.id) == recipe_of(images.LAB.name)


def test_an_image_that_a_record_names_and_is_not_its_own_is_refused(foreign: str) -> None:
    other = {"lab.lock_sha256": "0" * 64}
    tracking = images.must_inspect(images.TRACKING).id
    for tags in (of_record(foreign, **other), of_record(tracking, **other), of_record(images.LAB.name, **other)):
        said = refused(tags)
        if tags["lab.image"].startswith("sha256:"):
            assert "which is none of Fearless Labs with the lock that it records: it is refused" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lab.recipe_sha256": "0" * 64}, "KEY ran in the image sha256:000000000000, which is not here"),
        ({"lab.lock_sha256": "0" * 64, "lab.git_commit": "abcdef0123456789"}, "git checkout abcdef012345; ./invoke"),
        ({"lab.image": "none (local)", "lab.lock_sha256": "0" * 64}, "KEY ran in an image that is none (local)"),
        ({"lab.image": "unknown", "lab.lock_sha256": "unknown"}, "KEY ran in an image that is unknown"),
    ],
)
def test_another_image_is_taken_on_request_alone(
    change: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = of_record(GONE) | change
    assert said in refused(tags)
    choice = chosen(tags, near=True)
    assert (choice.built, choice.instead_of) == (images.must_inspect(images.LAB), tags["lab.image"])
    assert "running in another image, the image sha256:" in capsys.readouterr().err


def on_a_terminal(line: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Exit code and output of a command on a terminal of its own."""
    main, side = pty.openpty()
    printed = b""
    with subprocess.Popen(line, env=variables, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        try:
            while data := os.read(main, 1 << 16):
                printed += data
        except OSError:  # nobody has its other side any more
            pass
        os.close(main)
    return process.returncode, printed.decode(errors="replace")


def test_a_lab_on_a_terminal_is_shown_as_the_terminal_asks(clone: Instance) -> None:
    lab = clone.root.parent / "shows.py"
    lab.write_text(SHOWS)
    asked = {"NO_COLOR": "1", "TERM": "dumb", "TZ": "Asia/Seoul"}
    code, printed = on_a_terminal(command(clone.root, "lab", lab, "--debug"), clone.variables | asked)
    assert code == 0, printed
    assert re.findall(r"^SHOWN (.*?)\r?$", printed, re.MULTILINE) == ["1 dumb Asia/Seoul"]
