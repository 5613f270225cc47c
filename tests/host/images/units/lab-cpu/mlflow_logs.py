"""The MLflow client logs a run with metric, tag, figure and artifact, and reads back what it logged."""

import matplotlib.pyplot as plt
import mlflow

mlflow.set_tracking_uri("sqlite:////tmp/mlflow.db")
mlflow.set_experiment(mlflow.create_experiment("e", "/tmp/artifacts") and "e")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.12345678901234568, step=3)
    mlflow.set_tag("lab.name", "optimizers")
    mlflow.log_figure(plt.figure(), "figures/f.png")
    mlflow.log_dict({"a": 1}, "config.json")
client = mlflow.MlflowClient()
read = client.get_run(run.info.run_id)
assert read.data.metrics == {"loss": 0.12345678901234568}
assert read.data.tags["lab.name"] == "optimizers"
assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["config.json", "figures"]
