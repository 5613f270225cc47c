"""What `invoke reproduce` and `invoke diff` ask of the records in MLflow; the host starts what has to be run again."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from lib.harness.comparing import comparison, records
from lib.harness.errors import UserError

ARRIVAL_SECONDS = 60.0


def record(said: str) -> int:
    """Print what the host needs of the run that `said` names to run it again, as JSON. Returns 0.

    Raises:
        UserError: there is no such run, or its record is not whole.
    """
    client = records.connect()
    found = records.read(client, records.find(client, said))
    if found.status != "FINISHED":
        raise UserError(f"{found.key} ended as {found.status}: only a finished run can be reproduced")
    archives = {"code": found.archive, **({"recipe": found.recipe} if found.recipe else {})}
    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in archives.items()}
    print(json.dumps({"key": found.key, "tags": found.tags, "config": found.config, "archives": encoded}))
    return 0


def compare_again(said: str) -> int:
    """Compare a run with its newest reproduction, and link the two. Returns 0 when they are identical, 1 when not."""
    client = records.connect()
    original = records.read(client, records.find(client, said))
    again = records.read(client, _reproduction(client, original))
    result = comparison.compare(original, again)
    identical, verdict = result.identical, str(result)
    data = [record.tags.get("lab.data_sha256", "none")[:12] for record in (original, again)]
    if not identical:
        verdict += f". {_because(comparison.causes(original, again))}"
    elif data[0] != data[1]:  # the record says that it was measured on something else
        identical = False
        verdict = f"differs in the data: {data[0]} in the record, {data[1]} now (lab.data_sha256); results: {verdict}"
    client.set_tag(again.run_id, "lab.reproduction", "identical" if identical else verdict[:5000])
    client.set_tag(original.run_id, "lab.reproduced_by", again.key)
    print(verdict)
    return 0 if identical else 1


def _because(causes: list[str]) -> str:
    if causes:
        return f"What can change bits and is not the same: {', '.join(causes)}"
    return "Image, lock, code, data, CPU, GPU and threads are the same"


def _reproduction(client: Any, original: records.Record) -> Any:
    """The newest run that says it reproduces `original`; its end, whichever it is, may still be on the way to MLflow.

    One that measured too little for a claim is FAILED; what it has measured is compared like any other.
    """
    experiment = client.get_experiment_by_name(original.tags["lab.name"])
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while True:
        found = client.search_runs(
            [experiment.experiment_id],
            f"tags.`lab.reproduces` = '{original.key}'",
            order_by=["start_time DESC"],
        )
        parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        if parents and parents[0].info.status != "RUNNING":
            return parents[0]
        if time.monotonic() > deadline:
            raise UserError(f"{original.key}: its reproduction has not reached MLflow: ./invoke sync, then look there")
        time.sleep(0.5)


def diff(one: str, other: str) -> int:
    """Print what differs between two runs: code, config, environment, data, results. Returns 0 if no result does."""
    client = records.connect()
    first, second = (records.read(client, records.find(client, said)) for said in (one, other))
    print(f"{first.key}\n{second.key}")
    for line in comparison.described(first, second):
        print(line)
    return 0 if comparison.compare(first, second).identical else 1
