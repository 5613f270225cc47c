"""The launcher gives the application what `mlflow server` gives its workers, name by name and value by value."""

import os
import runpy
import warnings
from pathlib import Path
from unittest import mock

os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
launcher = runpy.run_path("/opt/mlflow/server.py")

warnings.simplefilter("ignore")
from click.testing import CliRunner  # noqa: E402
from mlflow import cli  # noqa: E402

before = dict(os.environ)
store = "sqlite:////tmp/mlflow.db"
with mock.patch("mlflow.server._exec_cmd") as execute:
    arguments = ["--backend-store-uri", store, "--artifacts-destination", "/mlflow/artifacts", "--host", "0.0.0.0"]
    result = CliRunner().invoke(cli.server, arguments)
assert result.exit_code == 0, result.output
given = execute.call_args.kwargs["extra_env"]
given |= {k: v for k, v in os.environ.items() if k.startswith("MLFLOW_") and before.get(k) != v}
given.pop("MLFLOW_TRACKING_URI", None)
given.pop("MLFLOW_REGISTRY_URI", None)
ours = launcher["environment"](Path("/mlflow"))
ours = {name: value.replace("/mlflow/mlflow.db", "/tmp/mlflow.db") for name, value in ours.items()}
assert given.pop("_MLFLOW_SERVER_BOOT_ID") != ours.pop("_MLFLOW_SERVER_BOOT_ID")
ours.pop("MLFLOW_SERVER_ENABLE_JOB_EXECUTION")
assert given == ours, (given, ours)
command = execute.call_args.args[0]
assert command[1:3] == ["-m", "uvicorn"] and command[-1] == "mlflow.server.fastapi_app:app", command
