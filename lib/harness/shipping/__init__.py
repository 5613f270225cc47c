"""From journals to MLflow."""
