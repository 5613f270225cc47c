"""The MLflow server: whether it answers, a client that fails soon, and its errors."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from lib.harness.errors import UserError, short
from lib.harness.recording.journal import is_full

STARTING_SECONDS = 90.0  # of a server that the same command has started
ANSWER_SECONDS = 20  # for an answer; a server that takes longer is slow
SQLITE = "sqlite:///"
AWAY_SECONDS = 2.0  # between two attempts to reach a server that is away
SERVED, IN_A_FILE = ("http", "https"), "sqlite"
"""How addresses of servers begin, and those of databases."""


class ServerAwayError(Exception):
    """MLflow did not answer. What was to be sent is still in the journal.

    `slow`: it is there, and took longer than `ANSWER_SECONDS`.
    """

    def __init__(self, reason: str = "", slow: bool = False):
        super().__init__(reason)
        self.slow = slow


class RefusedError(UserError):
    """MLflow answers and does not want what it was sent."""


def address() -> SplitResult:
    """MLflow's address, ``MLFLOW_TRACKING_URI``: of a server, or of a database in a file.

    Raises:
        RefusedError: it is neither. MLflow's client would take a folder that it makes, or ask for a program of others.
    """
    text = os.environ.get("MLFLOW_TRACKING_URI", "")
    try:
        parts = urlsplit(text)
        usable = (parts.hostname and parts.port != 0) if parts.scheme in SERVED else parts.scheme == IN_A_FILE
    except ValueError:
        usable = False
    if not usable:
        raise RefusedError(
            f"MLFLOW_TRACKING_URI={short(text)}: set it to the address of an MLflow server, as in http://127.0.0.1:5000,"
            " or to sqlite:///FILE"
        )
    return parts


def answers() -> bool:
    """Return whether a server listens at ``MLFLOW_TRACKING_URI``. It is fast; loading MLflow's client takes seconds.

    Raises:
        RefusedError: what listens there says why MLflow is stopped (docker/service.py), or it is no address.
    """
    parts = address()
    if parts.scheme not in SERVED:
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=AWAY_SECONDS).close()
    except (OSError, UnicodeError):  # a name that no server can have
        return False
    if parts.scheme == "http":
        _refuse_stopped(parts.hostname or "", port)
    return True


def _refuse_stopped(host: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=AWAY_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        if answer.getheader("X-Service-Stopped"):
            raise RefusedError(answer.read().decode(errors="replace").strip())
    except (OSError, http.client.HTTPException):  # busy, or no HTTP: the client says more
        return
    finally:
        connection.close()


def comes_up() -> bool:
    """Return whether a server listens, after waiting for one that this command has just started."""
    limit = time.monotonic() + (STARTING_SECONDS if os.environ.get("LAB_MLFLOW_STARTING") else 0)
    while not answers():
        if time.monotonic() >= limit:
            return False
        time.sleep(0.2)
    return True


def connect() -> Any:
    """A client of the server at ``MLFLOW_TRACKING_URI`` that fails soon instead of retrying for minutes.

    Raises:
        RefusedError: it is no address of MLflow's, no MLflow, or one of another version than the client.
        ServerAwayError: it does not answer.
    """
    address()
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # addresses that only containers know
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(ANSWER_SECONDS)
    os.environ["MLFLOW_TRUNCATE_LONG_VALUES"] = "false"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # below that it prints the errors that it raises
    from mlflow import MlflowClient

    with server_errors():
        client = MlflowClient()
    require_same_version(client.tracking_uri)
    write_ahead(client.tracking_uri)
    return client


def write_ahead(address: str) -> None:
    """Give a database in a file a write-ahead log, as that of the server has: readers and writers do not wait then.

    It keeps it for good. Where the file system cannot, or while somebody writes, it stays as it is.
    """
    if not address.startswith(SQLITE):
        return
    file = address.removeprefix(SQLITE).partition("?")[0]
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(file, timeout=AWAY_SECONDS)) as database,
    ):
        database.execute("PRAGMA journal_mode = WAL")


def require_same_version(address: str) -> None:
    """Raises as `connect`, of the server at `address`. A database in a file is served by the client itself."""
    if urlsplit(address).scheme not in SERVED:
        return
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request
    from mlflow.version import VERSION

    with server_errors():
        answer = http_request(get_default_host_creds(address), "/version", "GET")
    if answer.status_code >= 500:
        raise ServerAwayError(f"{address}/version: status {answer.status_code}")
    if answer.status_code != 200:
        raise RefusedError(
            f"MLflow refuses to say its version ({address}/version: status {answer.status_code}): is "
            "MLFLOW_TRACKING_URI the address of an MLflow server?"
        )
    version = answer.text.strip()
    if version != VERSION:
        raise RefusedError(
            f"MLflow at {address} is version {version[:20]}, and this image has {VERSION}: a lab uses only a server of "
            "its own version. ./invoke up starts one, and ./invoke sync sends it what is recorded"
        )


@contextlib.contextmanager
def server_errors() -> Iterator[None]:
    """Translate the errors of MLflow's client.

    Raises:
        ServerAwayError: the server did not answer, or answered that it cannot now.
        RefusedError: the server answered that it does not accept what it was sent, or a disk has failed.
    """
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

    try:
        yield
    except requests.exceptions.RequestException as error:
        raise ServerAwayError(str(error), isinstance(error, requests.exceptions.ReadTimeout)) from error
    except MlflowException as error:
        cause = error.__cause__
        if isinstance(cause, DatabaseError) and not isinstance(cause, IntegrityError):
            raise _of_database(cause) from error
        if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"):
            raise ServerAwayError(str(error), "Read timed out" in str(error)) from error
        raise RefusedError(f"MLflow refuses what it was sent: {str(error).splitlines()[0]}") from error
    except SQLAlchemyError as error:
        raise _of_database(error) from error
    except OSError as error:  # of artifacts in a folder, or of files on their way; a full disk is the caller's to say
        if error.errno is None or is_full(error):
            raise
        raise RefusedError(
            f"MLflow did not get its files ({error.strerror}: {error.filename}): check that disk, then the same "
            "command again"
        ) from error


def _of_database(error: Exception) -> ServerAwayError | RefusedError:
    """The error of a database in a file, which the client itself serves."""
    reason = str(error).splitlines()[0]
    if "locked" in reason:
        return ServerAwayError(reason, slow=True)
    remedy = "move it away, and ./invoke sync fills a new one"
    if "disk I/O" in reason or "is full" in reason:
        remedy = "check that disk, then the same command again"
    return RefusedError(
        f"MLflow's database {os.environ.get('MLFLOW_TRACKING_URI')} cannot be used ({reason}): {remedy}"
    )
