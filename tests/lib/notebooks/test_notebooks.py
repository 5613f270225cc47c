"""The notebooks of labs/: only text and code in git; every cell runs, silently, with the pictures that it promises."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mlflow import MlflowClient
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image
from traitlets.config import Config

from lib.harness.contract.catalogue import find_labs
from lib.harness.recording.jsonfile import json_bytes

# MLflow's own models; its stores are written for an older SQLAlchemy
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")

LABS = Path(__file__).parents[3] / "labs"
NOTEBOOKS = sorted(path.name for path in LABS.glob("*.ipynb"))
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/gif")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFUlEQVR4nGP4z8DwHwgZGP4zMDD8BwAx5gT8dYB9WgAAAABJRU5ErkJggg=="
)
CLAIMS = [
    {
        "id": "momentum-rescues/ravine", "lab": "optimizers", "statement": "|steps| with momentum over steps without",
        "kind": "statistical", "verdict": "holds", "effect": 0.25, "low": 0.125, "high": 0.5,
        "unit": "ratio", "seeds": 20,
    },
    {
        "id": "nobody-writes-them", "lab": "optimizers", "statement": "ours steps as torch and Keras do",
        "kind": "exact", "verdict": "holds", "effect": 3e-16, "low": 3e-16, "high": 3e-16,
        "unit": "", "seeds": 0,
    },
    {
        "id": "adamax-nadam", "lab": "optimizers", "statement": "the variants reach the target as soon",
        "kind": "statistical", "verdict": "inconclusive", "effect": 1.5, "low": float("-inf"),
        "high": float("inf"), "unit": "ratio", "seeds": 3,
    },
]  # fmt: skip


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """MLflow's address for a notebook: a database of the test's own, made before the notebook runs."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("LAB_MLFLOW_URL", "http://127.0.0.1:5000")
    MlflowClient(uri).search_experiments()
    return uri


def read(name: str) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(LABS / name, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def execute(name: str, folder: Path) -> NotebookNode:
    """The notebook, executed in `folder` by the kernel that it names."""
    notebook = read(name)
    client = NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    )
    client.execute()
    return notebook


def outputs(notebook: NotebookNode) -> Iterator[tuple[str, Any]]:
    """The source of the cell and the output, for all outputs."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell.source, output


def text_of(notebook: NotebookNode) -> str:
    """Everything that the cells have printed or shown as text."""
    kinds = ("text/plain", "text/html", "text/markdown")
    shown = [output.get("data", {}).get(kind, "") for _, output in outputs(notebook) for kind in kinds]
    return "\n".join([*shown, *(output.get("text", "") for _, output in outputs(notebook))])


def assert_sound(notebook: NotebookNode) -> None:
    """Nothing on stderr, and a picture that is not blank for every cell that draws."""
    assert [output.text for _, output in outputs(notebook) if output.get("name") == "stderr"] == []
    drawing = [cell for cell in notebook.cells if "plt.show()" in cell.source or "display.Image(" in cell.source]
    assert drawing
    for cell in drawing:
        data = [output.data for output in cell.outputs if "data" in output]
        pictures = [found[kind] for found in data for kind in PICTURES if kind in found]
        assert pictures, cell.source
        for picture in pictures:
            image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
            assert min(image.size) > 200
            assert len(image.getcolors(maxcolors=1 << 24) or []) > 10, "the picture is blank"


OF_LABS = [f"{entry.chapter:02}-{entry.name}.ipynb" for entry in find_labs(LABS.parent).values()]


def test_every_lab_has_its_notebook_in_the_lectures_order() -> None:
    assert ["00-start-here.ipynb", *OF_LABS] == NOTEBOOKS


def test_the_first_notebook_links_to_all_others() -> None:
    text = "\n".join(cell.source for cell in read("00-start-here.ipynb").cells if cell.cell_type == "markdown")
    assert re.findall(r"\]\(([^)]+\.ipynb)\)", text) == OF_LABS


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OF_LABS if name != "16-optimizers.ipynb"])
def test_a_labs_notebook_runs(name: str, tmp_path: Path) -> None:
    notebook = execute(name, tmp_path)
    assert_sound(notebook)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "**Try.**" in text or "## Try" in text, "a question to try"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_only_text_and_code_in_git(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), f"clear the outputs of {name} before a commit"


@pytest.mark.slow
def test_optimizers_notebook(tmp_path: Path) -> None:
    notebook = execute("16-optimizers.ipynb", tmp_path)
    assert_sound(notebook)
    movies = [output.data["image/gif"] for _, output in outputs(notebook) if "image/gif" in output.get("data", {})]
    frames = [Image.open(io.BytesIO(base64.b64decode(movie))).n_frames for movie in movies]  # type: ignore[attr-defined]
    assert len(frames) == 1 and frames[0] > 30
    widgets = [output for _, output in outputs(notebook) if VIEW in output.get("data", {})]
    assert len(widgets) == 2  # the sliders and the figure that they move


def test_start_here_without_a_lab(tracking: str, tmp_path: Path) -> None:
    notebook = execute("00-start-here.ipynb", tmp_path)
    assert_sound(notebook)
    client = MlflowClient(tracking)
    experiment = client.get_experiment_by_name("start-here")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.params) == ("FINISHED", {"learning_rate": "0.02"})
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in history] == list(range(60))
    assert history[-1].value < history[0].value
    assert [file.path for file in client.list_artifacts(run.info.run_id, "figures")] == ["figures/loss.png"]
    shown = text_of(notebook)
    page = f"http://127.0.0.1:5000/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
    assert f'href="{page}"' in shown
    assert "The lab has not run yet" in shown


def test_start_here_reads_the_verdicts_of_the_newest_lab(tracking: str, tmp_path: Path) -> None:
    client = MlflowClient(tracking)
    experiment = client.create_experiment("optimizers", (tmp_path / "artifacts").as_uri())
    older = client.create_run(experiment, start_time=1000, run_name="older")
    parent = client.create_run(experiment, start_time=2000, run_name="newest")
    client.create_run(experiment, start_time=3000, tags={"mlflow.parentRunId": parent.info.run_id}, run_name="a trial")
    client.set_terminated(older.info.run_id)
    folder = tmp_path / "files"
    (folder / "figures").mkdir(parents=True)
    (folder / "claims.json").write_bytes(json_bytes(CLAIMS))
    for name in ("contour.png", "curves.png", "sensitivity.png"):
        (folder / "figures" / name).write_bytes(PNG)
    client.log_artifacts(parent.info.run_id, str(folder))
    client.set_terminated(parent.info.run_id)

    notebook = execute("00-start-here.ipynb", tmp_path)
    assert_sound(notebook)
    shown = text_of(notebook)
    assert f"/runs/{parent.info.run_id}" in shown
    assert "| `momentum-rescues/ravine` | **holds** | 0.25 ratio | 0.125 to 0.5 | &#124;steps&#124; with" in shown
    assert "| `nobody-writes-them` | **holds** | 3e-16  |  | ours" in shown
    assert "| `adamax-nadam` | **inconclusive** | 1.5 ratio | -inf to inf |" in shown
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert [base64.b64decode(output.data["image/png"]) for output in last.outputs] == [PNG, PNG]
