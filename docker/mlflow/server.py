"""The MLflow tracking server in one process: MLflow's own application under uvicorn, set up as `mlflow server` does.

`mlflow server` imports MLflow in the command, then again in every worker it starts: 6 s where this takes 2. The
database is SQLite on the volume /mlflow, artifacts go through the server to /mlflow/artifacts. database.py brings a
database to the schema of this MLflow first; one that it refuses is one line, and exit code 78 (EX_CONFIG of
sysexits.h). `server.py --migrate [FILE]` does no more than that (the image is built with a database).
`server.py FOLDER HOST PORT` serves another folder, elsewhere. closed.py says which of MLflow's routes there are not.

Environment: MLFLOW_SERVER_ALLOWED_HOSTS, the Host headers that are answered (MLflow's own defaults refuse the name of a
compose service); any other variable that MLflow reads.
"""

import gc

gc.disable()  # 2,400 modules make no garbage worth looking for: a quarter of the start-up time

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import uuid  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

FOLDER = Path("/mlflow")
DATABASE = "mlflow.db"
REFUSED = 78
"""Exit code of a start that would fail again."""
ARTIFACTS = "mlflow-artifacts:/"
# what `mlflow server --backend-store-uri STORE --artifacts-destination FOLDER` gives its workers, besides both
ENVIRONMENT = {
    "_MLFLOW_SERVER_ARTIFACT_ROOT": ARTIFACTS,
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_BOOT_ID": uuid.uuid4().hex,
    "_MLFLOW_IN_JOB_EXECUTOR": "false",
    "_MLFLOW_SGI_NAME": "uvicorn",
    "MLFLOW_ENABLE_WORKSPACES": "false",
    "MLFLOW_SERVER_SECRETS_CACHE_TTL": "60",
    "MLFLOW_SERVER_SECRETS_CACHE_MAX_SIZE": "1000",
    "MLFLOW_SERVER_X_FRAME_OPTIONS": "SAMEORIGIN",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
# As many connections at a time as the application has threads, 40: a request that waits for one may be refused. Five
# stay, the others are closed after use
CONNECTIONS = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "5", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "35"}
# What MLflow's page remembers in the browser. As it comes, a first visit opens on GenAI (no runs there), with an
# assistant's panel and a notice about usage data: this is set as after choosing model training and closing both.
FIRST_VISIT = {
    "mlflow.workflowType_v1": '"machine_learning"',
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.telemetry.info.alert.dismissed_v1": "true",
    "mlflow.settings.telemetry.enabled_v1": "false",
}


def migrate(database: Path) -> None:
    """Bring the database to the schema of this MLflow. Ends the program where that is refused."""
    from database import RefusedError, prepare

    try:
        done = prepare(database)
    except RefusedError as refused:
        print(refused, file=sys.stderr, flush=True)
        sys.exit(REFUSED)
    if done:
        print(done, file=sys.stderr, flush=True)


def page() -> str:
    """MLflow's page with the settings of FIRST_VISIT for a browser that has none yet."""
    from mlflow.server import app

    html = Path(app.static_folder or "", "index.html").read_text(encoding="utf-8")
    remember = (
        "for (const [key, value] of settings) if (localStorage.getItem(key) === null) localStorage.setItem(key, value);"
    )
    script = f"<script>const settings = Object.entries({json.dumps(FIRST_VISIT)}); {remember}</script>"
    return html.replace("<head>", f"<head>{script}", 1)


def environment(folder: Path) -> dict[str, str]:
    """The variables of the application that serves a folder."""
    store = f"sqlite:///{folder / DATABASE}"
    return {
        **ENVIRONMENT,
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
    }


def main() -> None:
    """Serve until SIGTERM: FOLDER on all addresses of the container, port 5000, or as the arguments say."""
    if sys.argv[1:2] == ["--migrate"]:
        os.environ.update(environment(FOLDER))
        migrate(Path(*sys.argv[2:]) if sys.argv[2:] else FOLDER / DATABASE)
        return
    folder, host, port = sys.argv[1:] or (FOLDER, "0.0.0.0", 5000)
    served = environment(Path(folder))
    os.environ.update({**served, **CONNECTIONS})
    warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
    migrate(Path(folder) / DATABASE)
    import uvicorn
    from closed import Closed
    from mlflow.server import app as pages
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    first_page = page()
    pages.view_functions["serve"] = lambda: first_page
    store = served["_MLFLOW_SERVER_FILE_STORE"]
    initialize_backend_stores(store, store, ARTIFACTS)
    gc.freeze()
    gc.enable()
    uvicorn.run(Closed(app), host=host, port=int(port), access_log=False, timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
