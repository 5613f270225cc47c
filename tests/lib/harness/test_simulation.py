"""The simulation: it loses nothing, it replays, its MLflow does as a real one does, and it finds what is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from lib.harness.recording import disk as disks
from lib.harness.recording import journal as journals
from lib.harness.recording import reading
from lib.harness.recording.journal import Journal
from lib.harness.shipping import follow, shipper, state
from lib.harness.shipping.remote import MlflowServer, RemoteRun, Server
from lib.harness.shipping.server import RefusedError
from lib.harness.shipping.shipper import Shipper
from tests.lib.harness.simulation import world
from tests.lib.harness.simulation.machine import Machine
from tests.lib.harness.simulation.schedule import Step, run, schedule, shortest
from tests.lib.harness.simulation.tracking import SimulatedServer
from tests.lib.harness.support import MLFLOW_IN_PROCESS

SEEDS = (*range(150), 27681, 700053)
"""Some, and those by which `./invoke torture` has found what was lost."""
Patch = pytest.MonkeyPatch


def test_no_schedule_loses_anything() -> None:
    lost = {seed: outcome.lost for seed in SEEDS if (outcome := run(seed)).lost}
    assert lost == {}


def test_a_schedule_replays_from_its_seed() -> None:
    for seed in range(1000, 1010):
        first, second = run(seed), run(seed)
        assert (first.steps, first.counts) == (second.steps, second.counts)
    assert schedule(1) != schedule(2)


def test_every_kind_of_fault_hits_many_places() -> None:
    """The places are calls of the disk or of MLflow, before which something else happened."""
    counts = [what for seed in SEEDS for what in run(seed).counts]
    for fault in ("kill", "cut_power", "step_shipper", "lost", "error", "slow"):
        assert len({what for what in counts if what.endswith(f": {fault}")}) >= 5, fault


def without_file_sync(patch: Patch) -> None:
    @contextmanager
    def replacing(disk: disks.Disk, path: Path) -> Iterator[IO[bytes]]:
        new = path.with_name(path.name + disks.PART)
        with disk.writing(new) as file:
            yield file
        disk.rename(new, path)

    patch.setattr(journals, "replacing", replacing)


def without_folder_sync(patch: Patch) -> None:
    def sync(self: Journal) -> None:
        self._folders.clear()
        whole(self)

    whole = Journal.sync
    patch.setattr(Journal, "sync", sync)


def with_the_end_before_the_files(patch: Patch) -> None:
    def end(self: Journal, status: str, **tags: str) -> None:
        self.append("end", status=status, tags=tags, time=self.now_ms())
        self.sync()
        self.sync_files()
        self.close()

    patch.setattr(Journal, "end", end)


def without_a_sync_within_the_second(patch: Patch) -> None:
    patch.setattr(Journal, "_sync_later", lambda self: None)


def without_a_sync_at_the_end(patch: Patch) -> None:
    patch.setattr(Journal, "close", Journal._let_go)


def with_what_is_not_on_the_disk_sent(patch: Patch) -> None:
    patch.setattr(shipper, "sync_journal", lambda path, disk, named=False: None)


def with_the_end_counted_as_sent(patch: Patch) -> None:
    def send_new(self: Shipper, path: Path, run: shipper.Run, may_end: bool) -> bool:
        done = whole(self, path, run, may_end)
        run.sent = max([run.sent, *(offset for offset, _ in reading.read(path, run.sent, self._disk))])
        return done

    whole = Shipper._send_new
    patch.setattr(Shipper, "_send_new", send_new)


def with_any_server_believed(patch: Patch) -> None:
    patch.setattr(world, "unsent", lambda root, parents, disk: state.unsent(root, None, disk))


def with_a_memory_of_a_server_that_was_away(patch: Patch) -> None:
    def forget(self: Shipper) -> None:
        if not hasattr(self, "_runs"):
            whole(self)

    whole = Shipper.forget
    patch.setattr(Shipper, "forget", forget)


def without_a_look_up(patch: Patch) -> None:
    def known(self: Shipper, experiment: str) -> dict[str, RemoteRun]:
        whole(self, experiment)
        return {}

    whole = Shipper._known
    patch.setattr(Shipper, "_known", known)


def with_an_end_that_stays_after_a_resume(patch: Patch) -> None:
    patch.setattr(SimulatedServer, "delete_tag", lambda self, run, name: None)


def with_a_torn_end_that_stays(patch: Patch) -> None:
    patch.setattr("tests.lib.harness.simulation.disk.Disk.truncate", lambda self, descriptor, size: None)


def without_mending(patch: Patch) -> None:
    patch.setattr(follow, "mend", lambda folder, disk, clock: None)


def without_the_shippers_lock(patch: Patch) -> None:
    @contextmanager
    def shipping(folder: Path, wait: bool = False, disk: disks.Disk = disks.DISK) -> Iterator[bool]:
        yield True

    patch.setattr(follow, "shipping", shipping)


def with_an_error_that_is_swallowed(patch: Patch) -> None:
    def log(self: SimulatedServer, *arguments: Any) -> None:
        if self.up and self.failures[:1] == ["error"]:
            self.failures.pop(0)
        else:
            whole(self, *arguments)

    whole = SimulatedServer.log
    patch.setattr(SimulatedServer, "log", log)


@pytest.mark.parametrize(
    "plant",
    [
        without_file_sync,
        without_folder_sync,
        with_the_end_before_the_files,
        without_a_sync_within_the_second,
        without_a_sync_at_the_end,
        with_what_is_not_on_the_disk_sent,
        with_the_end_counted_as_sent,
        with_any_server_believed,
        with_a_memory_of_a_server_that_was_away,
        without_a_look_up,
        with_an_end_that_stays_after_a_resume,
        with_a_torn_end_that_stays,
        without_mending,
        without_the_shippers_lock,
        with_an_error_that_is_swallowed,
    ],
)
def test_what_is_planted_is_found(plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    assert any(run(seed).lost for seed in range(2000)), plant.__name__


def test_a_schedule_that_fails_is_made_short(monkeypatch: Patch) -> None:
    with_any_server_believed(monkeypatch)
    failed = next(outcome for seed in range(2000) if (outcome := run(seed)).lost)
    steps = shortest(failed.steps)
    assert len(steps) < len(failed.steps)
    assert "restore" in {step.action for step in steps}
    assert all(isinstance(step, Step) for step in steps)


def conversation(server: Server, beginning: str) -> list[Any]:
    """What a server answers, and has in the end, without the ids that it makes."""
    heard: list[Any] = [server.experiment("tiny")]
    server.create_experiment("tiny", "")
    server.create_experiment("tiny", "")
    experiment = server.experiment("tiny")
    assert experiment is not None
    heard.append(experiment.deleted)
    parent = server.create_run(experiment.id, "all", 1000, {"lab.run": beginning, "lab.variant": "all"})
    child = server.create_run(experiment.id, "fast", 1001, {"lab.run": f"{beginning}.trial-0000"})
    server.create_run(experiment.id, "other", 1001, {"lab.run": f"x{beginning}"})
    points = [("loss", 0.5, 1002, 0), ("loss", 0.5, 1002, 0), ("loss", 0.25, 1003, 1)]
    for _ in range(2):
        server.log(child, points, {"steps": "1"}, {"a": "b", "lab.sent": "77"})
    server.log(parent, [], {}, {"lab.ended": "gone"})
    server.delete_tag(parent, "lab.ended")
    server.delete_tag(parent, "lab.ended")
    server.set_status(child, "FINISHED", 2000)
    server.set_status(parent, "FAILED", None)

    def known() -> dict[str, Any]:
        runs = server.runs(experiment.id, beginning)
        return {key: (run.status, run.end_time, run.sent, run.deleted) for key, run in sorted(runs.items())}

    heard += [known(), sorted(server.parents())]
    for wrong in (
        (child, {"steps": "2"}),
        ("0" * 32, {}),
    ):
        with pytest.raises(RefusedError):
            server.log(wrong[0], points, wrong[1], {})
    return [*heard, known(), parent, child, experiment.id]


@MLFLOW_IN_PROCESS
def test_the_simulated_mlflow_answers_as_a_real_one(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("LAB_ARTIFACTS", str(tmp_path / "artifacts"))
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    real, simulated = MlflowServer(client), SimulatedServer(Machine())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    *answers, parent, child, experiment = conversation(real, "20260101-000000-tiny-000000")
    *expected, simulated_parent, simulated_child, simulated_experiment = conversation(
        simulated, "20260101-000000-tiny-000000"
    )
    assert answers == expected
    history = [(p.key, p.value.hex(), p.timestamp, p.step) for p in client.get_metric_history(child, "loss")]
    assert sorted(history) == sorted(simulated.store.runs[simulated_child].points)

    client.delete_run(child)
    simulated.store.runs[simulated_child].deleted = True
    for server, run_id in ((real, child), (simulated, simulated_child)):
        with pytest.raises(RefusedError):
            server.log(run_id, [], {}, {"a": "c"})
    client.delete_experiment(experiment)
    simulated.bin_experiment(simulated_experiment, deleted=True)
    for server, number, run_id in (
        (real, experiment, parent),
        (simulated, simulated_experiment, simulated_parent),
    ):
        match = server.experiment("tiny")
        assert match is not None
        assert match.deleted
        with pytest.raises(RefusedError):
            server.create_run(number, "new", 0, {"lab.run": "y"})
        with pytest.raises(RefusedError):
            server.set_status(run_id, "KILLED", 1)
        server.restore_experiment(number)
        runs = server.runs(number, "2026")
        assert [run.deleted for run in runs.values()] == [False, False]
