"""Health of a service: exit 0 when its real API answers a client, exit 1 with the reason otherwise.

    python3 -I -S healthcheck.py mlflow|jupyter

MLflow answers /health with 200 while it refuses every client because of its Host header, so the check is a search with
the header that labs send. Jupyter's is a request with the token.
"""

import http.client
import os
import sys


def ask(service: str) -> tuple[int, str]:
    """The HTTP status of one real request to the service in this container, and why it is stopped, if it is."""
    if service == "mlflow":
        connection = http.client.HTTPConnection("127.0.0.1", 5000, timeout=5)
        headers = {"Host": "mlflow:5000", "Content-Type": "application/json"}
        connection.request("POST", "/api/2.0/mlflow/experiments/search", '{"max_results": 1}', headers)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", 8888, timeout=5)
        connection.request("GET", "/api/status", headers={"Authorization": f"token {os.environ['JUPYTER_TOKEN']}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode() if answer.getheader("X-Service-Stopped") else ""


try:
    status, stopped = ask(sys.argv[1])
except OSError as error:
    sys.exit(f"{sys.argv[1]} does not answer: {error}")
if status != 200:
    sys.exit(stopped or f"{sys.argv[1]} answers with status {status}")
