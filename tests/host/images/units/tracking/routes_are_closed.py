"""Of all routes that this MLflow has, those that ask other machines are closed, and those that labs use are not."""

import os
import re
import sys
import warnings

os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
sys.path.insert(0, "/opt/mlflow")
warnings.simplefilter("ignore")

from closed import CLOSED  # noqa: E402
from mlflow.server import app as pages  # noqa: E402
from mlflow.server.fastapi_app import app  # noqa: E402

routes = {rule.rule for rule in pages.url_map.iter_rules()} | set(app.openapi()["paths"])
asking = {path for path in routes if re.search(r"webhook|gateway|assistant|scorer/invoke", path)}
assert len(asking) > 60, sorted(asking)
closed = {path for path in routes if CLOSED.match(path)}
assert closed == asking, sorted(closed ^ asking)
for used in ("experiments/search", "runs/log-batch", "artifacts/list", "registered-models/create", "scorers/list"):
    assert any(path.endswith(f"/mlflow/{used}") for path in routes - closed), used
