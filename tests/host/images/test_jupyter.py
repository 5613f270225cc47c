"""JupyterLab as a user drives it: files belong to the caller, a cell imports lib and logs a run in MLflow."""

import json
import re
from pathlib import Path

import pytest
from docker.client import DockerClient

from host.services.shared_journal import OPEN
from tests import tiny
from tests.host.images.conftest import MakeStack
from tests.host.images.support import DRIVER, Stack, http

CELL = """
import os, mlflow, lib
from pathlib import Path
Path("from-a-cell.txt").write_text("x")
mlflow.set_experiment("from a notebook")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_dict({"a": 1}, "config.json")
print("RUN", run.info.run_id)
"""

LAB_CELL = """
import os
from fearless_labs import run
outcome = run("own", quick=True)
print("RUN", outcome.run, outcome.url, os.getuid())
"""


def test_cell_imports_lib_and_logs_a_run(client: DockerClient, stack: Stack) -> None:
    result = stack.container(client, "jupyter").exec_run(["python", "-c", DRIVER, CELL])
    output = result.output.decode()
    assert result.exit_code == 0, output
    (line,) = [line for line in output.splitlines() if line.startswith("RUN ")]
    _, run = line.split()
    found = http("GET", f"{stack.mlflow}/api/2.0/mlflow/runs/get?run_id={run}").json()["run"]
    assert found["info"]["status"] == "FINISHED"
    assert [(m["key"], m["value"]) for m in found["data"]["metrics"]] == [("loss", 0.5)]
    listed = http("GET", f"{stack.mlflow}/api/2.0/mlflow/artifacts/list?run_id={run}").json()
    assert [f["path"] for f in listed["files"]] == ["config.json"]
    written = stack.folder / "labs" / "from-a-cell.txt"
    assert (written.stat().st_uid, written.stat().st_gid) == (stack.uid, stack.uid)


def test_files_belong_to_the_caller(stack: Stack) -> None:
    token = {"Authorization": f"token {stack.environment['JUPYTER_TOKEN']}"}
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    saved = http("PUT", f"{stack.jupyter}/api/contents/new.ipynb", {"type": "notebook", "content": notebook}, **token)
    assert saved.status == 201, saved.body
    written = stack.folder / "labs" / "new.ipynb"
    assert (written.stat().st_uid, written.stat().st_gid) == (stack.uid, stack.uid)
    assert json.loads(written.read_text())["nbformat"] == 4


def test_a_lesson_opens_as_a_copy_and_stays_as_it_is(client: DockerClient, stack: Stack) -> None:
    token = {"Authorization": f"token {stack.environment['JUPYTER_TOKEN']}"}
    contents = f"{stack.jupyter}/api/contents"
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    lesson, copy = (stack.folder / "labs" / place / "98-lesson.ipynb" for place in ("ko", "mine/ko"))
    lesson.write_text(json.dumps(notebook))
    assert http("GET", f"{contents}/mine/ko/98-lesson.ipynb", **token).json()["content"] == notebook
    assert (copy.stat().st_uid, copy.stat().st_gid) == (stack.uid, stack.uid)
    changed = {**notebook, "metadata": {"by": "a learner"}}
    for path, status in (("mine/ko/98-lesson.ipynb", 200), ("ko/98-lesson.ipynb", 403), ("lib/new.py", 403)):
        saved = http("PUT", f"{contents}/{path}", {"type": "notebook", "content": changed}, **token)
        assert saved.status == status, (path, saved.body)
    assert json.loads(lesson.read_text()) == notebook
    assert json.loads(copy.read_text())["metadata"] == {"by": "a learner"}
    jupyter = stack.container(client, "jupyter")
    for folder in ("ko", "en"):
        assert jupyter.exec_run(["touch", f"/workspace/labs/{folder}/x"]).exit_code != 0
    assert http("GET", f"{contents}/lib/harness/errors.py", **token).status == 200


def test_a_kernel_has_one_thread_and_knows_its_memory(client: DockerClient, stack: Stack) -> None:
    cell = "import torch; from lib.lessons import memory; print(torch.get_num_threads(), memory.in_use('en'))"
    result = stack.container(client, "jupyter").exec_run(["python", "-c", DRIVER, cell])
    assert re.match(r"1 Memory: [\d.]+ GiB of 8 GiB in use", result.output.decode()), result.output


@pytest.mark.slow
def test_a_kernel_that_ran_out_of_memory_is_said_by_the_next_one(client: DockerClient, make_stack: MakeStack) -> None:
    stack = make_stack(LAB_MEMORY="600m")
    stack.compose("up", "--detach", "--no-deps", "--wait", "jupyter")
    jupyter = stack.container(client, "jupyter")
    says = "from lib.lessons import memory; print(memory.last_kernel_died('ko'))"
    killed = f"{says}; import os; os.kill(os.getpid(), 9)"
    too_much = f"{says}; x = [bytearray(b'1' * 2**20) for _ in range(2000)]"

    def printed(cell: str) -> str:
        return str(jupyter.exec_run(["python", "-c", DRIVER, cell]).output.decode())

    printed(killed)  # by somebody else: nothing to be said
    assert printed(says) == "None\n"
    printed(too_much)
    assert "LAB_MEMORY: 0.586 GiB" in printed(says)
    assert printed(says) == "None\n"


def test_no_news_no_package_index(stack: Stack) -> None:
    page = http("GET", f"{stack.jupyter}/lab?token={stack.environment['JUPYTER_TOKEN']}").body.decode()
    script = '<script id="jupyter-config-data" type="application/json">'
    settings = json.loads(page.split(script)[1].split("</script>")[0])
    assert "@jupyterlab/apputils-extension:announcements" in settings["disabledExtensions"]
    assert settings["extensionManager"]["can_install"] is False


def test_lib_is_there_to_read_only(client: DockerClient, stack: Stack) -> None:
    jupyter = stack.container(client, "jupyter")
    assert jupyter.exec_run(["python", "-c", "import lib"]).exit_code == 0
    assert jupyter.exec_run(["touch", "/workspace/lib/x"]).exit_code != 0
    assert not Path(stack.folder, "lib", "x").exists()


def test_a_cell_runs_a_lab_into_the_journal_of_all_labs(client: DockerClient, stack: Stack) -> None:
    """JupyterLab's user is another one than the labs', who read, send and resume what a notebook has recorded."""
    tiny.put(stack.folder / "labs" / "mine" / "own.py", "own")
    result = stack.container(client, "jupyter").exec_run(["python", "-c", DRIVER, LAB_CELL])
    output = result.output.decode()
    assert result.exit_code == 0, output
    (line,) = [line for line in output.splitlines() if line.startswith("RUN ")]
    _, key, url, uid = line.split()
    assert int(uid) == stack.uid
    experiment = http("GET", f"{stack.mlflow}/api/2.0/mlflow/experiments/get-by-name?experiment_name=own").json()
    search = {"experiment_ids": [experiment["experiment"]["experiment_id"]], "filter": f"tags.`lab.run` = '{key}'"}
    (run,) = http("POST", f"{stack.mlflow}/api/2.0/mlflow/runs/search", search).json()["runs"]
    assert run["info"]["status"] == "FINISHED"
    assert url.endswith(run["info"]["run_id"])
    unwritable = f"import subprocess as s; s.run(['find', '/journal/{key}', '!', '-writable'], check=True)"
    looked = stack.lab(unwritable)
    assert (looked.returncode, looked.stdout) == (0, ""), looked
    assert stack.compose("run", "--rm", "--no-deps", "-T", "lab", "sync", check=False).returncode == 0


def test_jupyter_writes_where_a_lab_has_recorded(client: DockerClient, stack: Stack) -> None:
    made = stack.lab("import os; from lib.harness.recording.journal import share; share(); os.makedirs('/journal/x/y')")
    assert made.returncode == 0, made
    written = stack.container(client, "jupyter").exec_run(["touch", "/journal/x/y/z"])
    assert written.exit_code == 0, written.output
    assert stack.lab("import shutil; shutil.rmtree('/journal/x')").returncode == 0


def test_a_journal_of_an_earlier_version_is_opened(client: DockerClient, stack: Stack) -> None:
    """What `up` does where JupyterLab's user cannot write the journal."""
    earlier = (
        "import os; os.makedirs('/journal/old'); open('/journal/old/run.jsonl', 'w'); os.chmod('/journal/old', 0o755)"
    )
    assert (
        stack.lab(f"{earlier}; os.chmod('/journal/old/run.jsonl', 0o644); os.chmod('/journal', 0o755)").returncode == 0
    )
    jupyter = stack.container(client, "jupyter")
    assert jupyter.exec_run(["test", "-w", "/journal"]).exit_code != 0
    stack.compose("run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "lab", "-c", OPEN)
    for path in ("/journal", "/journal/old", "/journal/old/run.jsonl"):
        assert jupyter.exec_run(["test", "-w", path]).exit_code == 0, path
    assert stack.lab("import shutil; shutil.rmtree('/journal/old')").returncode == 0
