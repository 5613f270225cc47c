"""The two pages that `./invoke up` prints, in a real browser: they open without a dialog, work, ask no other server."""

from collections.abc import Callable
from pathlib import Path

import requests
import websocket

from tests.browser.chromium import Page
from tests.browser.kernel import channels, run_cell
from tests.browser.lesson import choose
from tests.host.images.support import Stack

Picture = Callable[[str], Path]

CELL = """
import mlflow, numpy as np
from lib.optimizers import Adam
from lib.optimizers.surfaces import beale

optimizer, theta = Adam(0.1), np.array(beale.start)
state = optimizer.init(theta)
mlflow.set_experiment("from a cell")
with mlflow.start_run(run_name="adam") as run:
    mlflow.log_param("learning_rate", 0.1)
    for step in range(5):
        mlflow.log_metric("loss", float(beale.value(theta)), step)
        theta, state = optimizer.update(beale.gradient(theta), state, theta)
print("RUN", run.info.run_id)
"""
NOT_OURS = (
    "/ajax-api/2.0/mlflow/users/current",  # MLflow's page asks who is logged in; without logins that is a 404
    "/ajax-api/3.0/mlflow/assistant/",  # MLflow's page asks for what our server does not have (SECURITY.md)
    "/ajax-api/2.0/mlflow/gateway-proxy",
    "net::ERR_NETWORK_CHANGED",  # other tests start and stop containers, whose networks are this machine's too
)
TRANSLATION = "@jupyterlab/translation-extension:plugin"


def own_errors(page: Page) -> list[str]:
    return [error for error in page.errors if not any(known in error for known in NOT_OURS)]


def open_lab(page: Page, stack: Stack, path: str = "/lab") -> None:
    page.open(f"{stack.jupyter}{path}?reset&token={stack.environment['JUPYTER_TOKEN']}")
    page.wait_for("document.querySelector('.jp-DirListing-item')")


def test_jupyterlab_opens_on_the_lessons(stack: Stack, page: Page, picture: Picture) -> None:
    open_lab(page, stack)
    page.wait_for("document.querySelector('.jp-LauncherCard')")
    page.screenshot(picture("jupyterlab"))
    files = page.evaluate("[...document.querySelectorAll('.jp-DirListing-itemText')].map(e => e.innerText)")
    assert files == ["en", "ko", "lib", "mine", "packages"]
    assert page.evaluate("document.querySelectorAll('.jp-Dialog, .Toastify__toast').length") == 0
    assert own_errors(page) == []
    assert page.hosts == {stack.jupyter.removeprefix("http://")}


def test_jupyterlab_speaks_korean_to_who_chooses_it(stack: Stack, page: Page, picture: Picture) -> None:
    menus = "[...document.querySelectorAll('.lm-MenuBar-itemLabel')].map(e => e.innerText)"
    try:
        choose(stack, TRANSLATION, locale="ko_KR")
        open_lab(page, stack)
        page.wait_for(f"{menus}.includes('파일')")
        page.screenshot(picture("jupyterlab-ko"))
    finally:
        choose(stack, TRANSLATION, locale="default")


def test_an_idle_kernels_connection_is_kept_open(stack: Stack) -> None:
    """Proxies and NATs forget a connection that was silent for 45 to 60 s: the server pings before that."""
    with channels(stack.jupyter, stack.environment["JUPYTER_TOKEN"]) as socket:
        socket.settimeout(40)
        while socket.recv_data_frame(control_frame=True)[0] != websocket.ABNF.OPCODE_PING:
            pass


def test_a_cell_logs_a_run_that_shows_in_mlflow(stack: Stack, page: Page, picture: Picture) -> None:
    printed = run_cell(stack.jupyter, stack.environment["JUPYTER_TOKEN"], CELL)
    (line,) = [line for line in printed.splitlines() if line.startswith("RUN ")]
    run_id = line.split()[1]
    api = f"{stack.mlflow}/api/2.0/mlflow"
    run = requests.get(f"{api}/runs/get", {"run_id": run_id}, timeout=120).json()["run"]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["params"] == [{"key": "learning_rate", "value": "0.1"}]
    history = requests.get(f"{api}/metrics/get-history", {"run_id": run_id, "metric_key": "loss"}, timeout=120).json()
    assert [point["step"] for point in history["metrics"]] == list(range(5))

    page.open(f"{stack.mlflow}/#/experiments")
    page.wait_for("document.body.innerText.includes('from a cell')")
    page.screenshot(picture("mlflow-experiments"))
    page.open(f"{stack.mlflow}/#/experiments/{run['info']['experiment_id']}")
    page.wait_for("[...document.querySelectorAll('a')].some(e => e.innerText === 'adam')")
    page.screenshot(picture("mlflow-runs"))
    assert not page.evaluate("/Ask questions about|usage data/.test(document.body.innerText)")
    assert own_errors(page) == []
    assert page.hosts == {stack.mlflow.removeprefix("http://")}
