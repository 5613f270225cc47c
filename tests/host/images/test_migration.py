"""A volume that an older MLflow wrote: the server migrates it, keeps its contents and a copy of the old file."""

from docker.client import DockerClient

from tests.host.images.conftest import MakeStack
from tests.host.images.support import Reply, http
from tests.host.test_signals import until

# Makes /mlflow/mlflow.db with the schema of three revisions ago, and an experiment in it.
OLD_DATABASE = """
import sqlite3
import sqlalchemy
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base

url = "sqlite:////mlflow/mlflow.db"
engine = sqlalchemy.create_engine(url)
Base.metadata.create_all(engine)
config = utils._get_alembic_config(url)
scripts = ScriptDirectory.from_config(config)
revisions = [r.revision for r in scripts.walk_revisions()]
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, revisions[3])
with sqlite3.connect("/mlflow/mlflow.db") as database:
    database.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
        "VALUES (7, 'of long ago', 'mlflow-artifacts:/7', 'active')")
print("OLD", revisions[3], "NEW", revisions[0])
"""


def test_older_volume_is_migrated(client: DockerClient, make_stack: MakeStack) -> None:
    stack = make_stack()
    run = ("run", "--rm", "-T", "--entrypoint", "sh", "mlflow", "-c")
    made = stack.compose(*run, 'rm /mlflow/mlflow.db && python -c "$0"', OLD_DATABASE)
    old = made.stdout.split("OLD ")[1].split()[0]
    stack.compose("up", "--detach", "--wait", "mlflow-port")
    kept = http("GET", f"{stack.mlflow}/api/2.0/mlflow/experiments/get-by-name?experiment_name=of%20long%20ago")
    assert kept.json()["experiment"]["experiment_id"] == "7"
    new = http("POST", f"{stack.mlflow}/api/2.0/mlflow/experiments/create", {"name": "of today"})
    assert new.status == 200
    files = stack.container(client, "mlflow").exec_run(["ls", "/mlflow"]).output.decode().split()
    log = ["mlflow.db-shm", "mlflow.db-wal"]  # as long as it is open
    assert sorted(files) == ["artifacts", f"mlflow-{old}.db", "mlflow.db", *log]


NEWER = """
import sqlite3
with sqlite3.connect("/mlflow/mlflow.db") as database:
    database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
"""


def test_newer_volume_is_left_as_it_is_and_whoever_asks_is_told(client: DockerClient, make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.compose("run", "--rm", "-T", "--entrypoint", "python", "mlflow", "-c", NEWER)
    stack.compose("up", "--detach", "mlflow-port")

    def refused() -> Reply | None:
        try:
            return http("GET", f"{stack.mlflow}/")
        except OSError:  # it is starting
            return None

    reply: Reply = until(refused)
    assert reply.status == 503
    assert b"was written by a newer MLflow (schema ffffffffffff)" in reply.body
    container = stack.container(client, "mlflow")
    _, *check = container.attrs["Config"]["Healthcheck"]["Test"]
    checked = container.exec_run(check)
    assert checked.exit_code == 1
    assert checked.output.strip() == reply.body.strip()
    files = container.exec_run(["ls", "/mlflow"]).output.decode().split()
    assert set(files) - {"mlflow.db-shm", "mlflow.db-wal"} == {"artifacts", "mlflow.db"}
