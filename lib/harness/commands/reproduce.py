"""The container's part of `invoke reproduce` and `invoke diff`: reads and compares records; the host starts runs."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

from lib.harness.comparing import comparison, from_mlflow
from lib.harness.errors import UserError
from lib.harness.recording import reading
from lib.harness.recording.journal import journal_root
from lib.harness.recording.provenance import RECORDED_IMAGE
from lib.harness.recording.reading import DamagedError
from lib.harness.shipping import server
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.server import RefusedError, ServerAwayError
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.state import JOURNAL, unsent


def record(name: str) -> int:
    """Print the parts of a run's record that the host needs to run it again, as JSON. Returns 0.

    Raises:
        UserError: there is no such run, or its record is not whole.
    """
    with from_mlflow.connected() as client:
        run = from_mlflow.read(client, from_mlflow.find(client, name))
        if run.status != "FINISHED":
            raise UserError(f"{run.key} ended as {run.status}: only a finished run can be reproduced")
        archives = {"code": run.archive, **({"recipe": run.recipe} if run.recipe else {})}
    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in archives.items()}
    print(json.dumps({"key": run.key, "tags": run.tags, "config": run.config, "archives": encoded}))
    return 0


def compare_again(name: str) -> int:
    """Compare a run with its newest reproduction, and link the two. Returns 0 when they are identical, 1 when not."""
    with from_mlflow.connected() as client:
        original_run = from_mlflow.find(client, name)
        original = from_mlflow.read(client, original_run)
        _send_reproductions(original.key)
        again_run = from_mlflow.reproduction_of(client, original)
        repeated = from_mlflow.read(client, again_run)
        result = comparison.compare(original, repeated)
        identical, verdict = result.identical, str(result)
        data = [record.tags.get("lab.data_sha256", "none")[:12] for record in (original, repeated)]
        if not identical:
            verdict += f". {_because(comparison.causes(original, repeated))}"
        elif data[0] != data[1]:  # the record says that it was measured on something else
            identical = False
            verdict = (
                f"differs in the data: {data[0]} in the record, {data[1]} now (lab.data_sha256); results: {verdict}"
            )
        other_image = (
            f", in another image ({repeated.tags['lab.image'][:19]})" if RECORDED_IMAGE in repeated.tags else ""
        )
        tag = f"identical{other_image}" if identical else f"{verdict[:5000]}{other_image}"
        client.set_tag(again_run.info.run_id, "lab.reproduction", tag)
        client.set_tag(original_run.info.run_id, "lab.reproduced_by", repeated.key)
    print(f"{verdict}{other_image}")
    return 0 if identical else 1


def _send_reproductions(key: str) -> None:
    """Send MLflow the reproductions of a run that their own program, which may be an older one, has not sent whole."""
    root = journal_root()
    remote = MlflowServer(server.connect())
    for folder in unsent(root, None):
        with suppress(DamagedError, RefusedError, ServerAwayError):  # then the wait for it ends with a line
            tags: dict[str, str] = next((record["tags"] for _, record in reading.read(folder / JOURNAL)), {})
            if tags.get("lab.reproduces") == key:
                ship_left_behind(Shipper(remote, folder), folder)


def _because(causes: list[str]) -> str:
    if causes:
        return f"What can change bits and is not the same: {', '.join(causes)}"
    return "Image, lock, code, data, CPU, GPU and threads are the same"


def diff(left: str, right: str, as_json: bool) -> int:
    """Print what differs between two runs: code, config, environment, data, results. Returns 0 if no result does."""
    with from_mlflow.connected() as client:
        first, second = (from_mlflow.read(client, from_mlflow.find(client, name)) for name in (left, right))
        results = comparison.compare(first, second)
        lines = list(comparison.described(first, second, results))
    if as_json:
        outcome = {"runs": [first.key, second.key], "identical": results.identical, "lines": lines}
        print(json.dumps(outcome, indent=1, ensure_ascii=False))
    else:
        print("\n".join([first.key, second.key, *lines]))
    return 0 if results.identical else 1
