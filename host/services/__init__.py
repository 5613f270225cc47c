"""JupyterLab, MLflow and the Ray cluster: starting, waiting, stopping, with Docker and without."""
