"""The commands of Fearless Labs (./invoke --list). Each is a few lines: the work is in host/ and in lib/."""

import sys

from invoke.context import Context
from invoke.exceptions import Exit

from host.bootstrap import paths
from host.command.task import command, goes_local, gpu_image_for, run_lib
from host.engine import docker
from lib.harness.contract.options import PRUNERS, SAMPLERS, SPACE_FORMS
from lib.harness.errors import UserError

LOCAL = {"local": "without Docker: in an environment made from the same lock"}


@command(
    help={
        "gpu": "JupyterLab with the GPUs of this machine",
        "framework": "with --gpu: the one that computes there, torch (default) or keras",
        "workers": "N: a Ray cluster of N workers, too, for ./invoke lab NAME --on ray",
        **LOCAL,
    }
)
def up(
    _: Context, gpu: bool = False, framework: str | None = None, workers: str | None = None, local: bool = False
) -> None:
    """Start JupyterLab and MLflow; prints one URL each."""
    from host.services import ray, up_down, without_docker

    if workers is not None:
        if not (workers.isascii() and workers.isdecimal() and int(workers) >= 1):
            raise UserError(f"--workers {workers}: a whole number of at least 1 is needed")
        if local:
            raise UserError("--workers --local: one of them; the Ray cluster is made of containers")
        docker.require()
    if framework and not gpu:
        raise UserError("--framework: it chooses the image of --gpu; without it JupyterLab has both frameworks")
    image = gpu_image_for(None, framework, [], local) if gpu else None
    on_host = image is None and goes_local(local)
    up_down.print_urls(without_docker.up() if on_host else up_down.up(image))
    if workers is not None:
        ray.print_ready(int(workers), ray.up(int(workers)))


@command(help={"volumes": "delete all runs and journals too, after asking"})
def down(_: Context, volumes: bool = False) -> None:
    """Stop everything; runs and notebooks are kept."""
    from host.services import up_down, without_docker

    if volumes:
        print("Delete every run, journal and artifact of Fearless Labs? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise UserError("Nothing was deleted or stopped: the answer was not yes")
    stopped = without_docker.down(volumes)
    if docker.available():
        up_down.down(volumes)
    elif not (stopped or volumes):
        docker.require()


@command(
    iterable=["set_"],
    help={
        "name": "the lab; ./invoke labs lists them",
        "quick": "smaller: a verdict may be inconclusive, never the opposite",
        "seeds": "N: how many seeds",
        "seed": "ROOT: the root seed, from which all others derive (default 0)",
        "set": "KEY=VALUE: change a field of the lab's config; may be repeated",
        "framework": "torch or keras",
        "portable": "the same code paths, and on Intel the same bits, on every CPU with AVX2",
        "gpu": "on the NVIDIA GPUs of this machine, or with --on ray of a cluster",
        "config": "best: with what the last finished sweep of the lab has found",
        "on": "ray: the trials run on a Ray cluster (./invoke up --workers N, or RAY_ADDRESS); else local",
        "resume": "RUN: take up a run that was interrupted: its key, a beginning of it, or last:NAME",
        **LOCAL,
    },
)
def lab(
    _: Context,
    name: str,
    *,
    quick: bool = False,
    seeds: str | None = None,
    seed: str | None = None,
    set_: list[str] | None = None,
    framework: str | None = None,
    portable: bool = False,
    gpu: bool = False,
    config: str | None = None,
    resume: str | None = None,
    on: str = "local",
    local: bool = False,
) -> None:
    """Run a lab in a container, tracked in MLflow."""
    from host.command import arguments

    changes = set_ or []
    said = arguments.lab(
        name,
        quick=quick,
        seeds=seeds,
        seed=seed,
        changes=changes,
        framework=framework,
        portable=portable,
        gpu=gpu,
        config=config,
        resume=resume,
        on=on,
    )
    image = gpu_image_for(name, framework, changes, local) if gpu else None
    run_lib(said, local, gpu_image=image, on_ray=on == "ray")


@command(
    iterable=["set_", "space"],
    help={
        "name": "the lab; ./invoke labs lists them",
        "trials": "N: how many the search asks for",
        "sampler": f"who chooses the next ones: {', '.join(SAMPLERS)}",
        "pruner": f"who ends trials early: {', '.join(PRUNERS)}",
        "space": f"{SPACE_FORMS}: what a field may be; may be repeated",
        "batch": "N: trials asked for at a time (default 4)",
        "fresh": "N: new seeds on which the best then meets the default (default 5)",
        "quick": "smaller trials, as of the lab",
        "seed": "ROOT: the root seed, from which all others derive (default 0)",
        "set": "KEY=VALUE: change a field of the lab's config, which is then not searched; may be repeated",
        "framework": "torch or keras",
        "on": "ray: the trials run on a Ray cluster (./invoke up --workers N, or RAY_ADDRESS); else local",
        "resume": "RUN: take up a sweep that was interrupted: its key, a beginning of it, or last:NAME",
        **LOCAL,
    },
)
def sweep(
    _: Context,
    name: str,
    *,
    trials: str | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    space: list[str] | None = None,
    batch: str | None = None,
    fresh: str | None = None,
    quick: bool = False,
    seed: str | None = None,
    set_: list[str] | None = None,
    framework: str | None = None,
    resume: str | None = None,
    on: str = "local",
    local: bool = False,
) -> None:
    """Search a lab's settings (Optuna), every trial a child run."""
    from host.command import arguments

    said = arguments.sweep(
        name,
        trials=trials,
        sampler=sampler,
        pruner=pruner,
        space=space or [],
        batch=batch,
        fresh=fresh,
        quick=quick,
        seed=seed,
        changes=set_ or [],
        framework=framework,
        resume=resume,
        on=on,
    )
    run_lib(said, local, on_ray=on == "ray")


@command()
def labs(_: Context) -> None:
    """List the labs: what each shows, its time, its last verdict."""
    from host.runs import labs_list

    labs_list.show()


@command(
    help={
        "quick": "smaller runs",
        "json": "the table as JSON on standard output",
        "expect": "FILE: exit 1 when a verdict differs from the ones in it (as --json prints them)",
        **LOCAL,
    }
)
def claims(_: Context, quick: bool = False, json: bool = False, expect: str | None = None, local: bool = False) -> None:
    """Print the lecture's claims, measuring what has no verdict.

    Exit code 0 when every claim was measured, whatever the verdict; 1 when one could not be, or when
    one differs from FILE."""
    words = ["claims", *(["--quick"] if quick else []), *(["--json"] if json else [])]
    mounts = {}
    if expect is not None:
        file = paths.caller_path(expect)
        if not file.is_file():
            raise UserError(f"--expect {expect}: there is no such file")
        mounts[file] = "/workspace/expected.json"
        words += ["--expect", mounts[file]]
    run_lib(words, local, mounts)


@command(help={"out": "FILE: where to write it (default: report.html)", **LOCAL})
def report(_: Context, out: str = "report.html", local: bool = False) -> None:
    """Write the lecture, measured, as one HTML page."""
    from host.runs import report as page

    file = page.place(out)
    page.write(file, goes_local(local))


@command(
    positional=["run"],
    help={"run": "its key (lab.run), MLflow's id, a beginning of one, last:NAME, or every: the last run of each lab"},
)
def reproduce(_: Context, run: str) -> None:
    """Run a recorded run again, from its record alone, and compare.

    Exit code 0 when it is identical bit for bit, 1 when not, 2 when it cannot be run again."""
    from host.records import reproduce as again

    again.require_engine()
    raise Exit(code=again.reproduce_every() if run == "every" else again.reproduce(run))


@command(positional=["run", "other"], help={"run": "as reproduce takes it", "other": "another one"})
def diff(_: Context, run: str, other: str) -> None:
    """Say what differs between two runs: code, config, results.

    Exit code 0 when no result differs, 1 when one does."""
    from host.records import reproduce as again

    again.require_engine()
    raise Exit(code=again.diff(run, other))


@command(
    name="export",
    positional=["run"],
    help={"run": "as reproduce takes it, or all:NAME", "out": "FOLDER: a new folder for the files", **LOCAL},
)
def export_(_: Context, run: str, out: str = "records", local: bool = False) -> None:
    """Write the record of a run, or of all runs of a lab, to a folder."""
    from host.records import transfer

    folder = transfer.place(out)
    transfer.export(run, folder, goes_local(local))


@command(name="import", positional=["folder"], help={"folder": "what export has made", **LOCAL})
def import_(_: Context, folder: str, local: bool = False) -> None:
    """Put exported runs into this MLflow, with their digests."""
    from host.records import transfer

    source = transfer.source(folder)
    run_lib(["import", transfer.INSIDE], local, {source: transfer.INSIDE})


@command(help=LOCAL)
def sync(_: Context, local: bool = False) -> None:
    """Send to MLflow what it has not got yet from the journals."""
    run_lib(["sync"], local)


@command(
    help={
        "gpu": "the two images for GPUs instead; needs no GPU",
        "check": "only build each twice from nothing, and compare all files (exit 1 when one differs)",
    }
)
def build(_: Context, gpu: bool = False, check: bool = False) -> None:
    """Build the images; prints the time and the size of each."""
    from host.engine import build as builder
    from host.engine import images, same_twice

    wanted = tuple(images.GPU.values()) if gpu else images.IMAGES
    if check:
        raise Exit(code=0 if same_twice.check(*wanted) else 1)
    docker.require()
    builder.build(*wanted)


@command(help={"out": "FILE: where to write it (default: fearless-labs-bundle.tar)"})
def bundle(_: Context, out: str = "fearless-labs-bundle.tar") -> None:
    """Write all that a room without internet needs, as one file.

    An interrupted bundle goes on where it ended."""
    from host.bundle import write

    write.bundle(out)


@command(positional=["file"], help={"file": "what ./invoke bundle has written"})
def load(_: Context, file: str) -> None:
    """Check a bundle and install it; needs no network."""
    from host.bundle import load as unpack

    unpack.load(file)


@command(help={"check": "only say whether the locks fit their .in files (exit 1 when not)"})
def lock(_: Context, check: bool = False) -> None:
    """Resolve docker/requirements/*.in again, hash-locked."""
    from host.machine import requirements

    if check:
        stale = requirements.stale()
        raise Exit(f"Out of date: {', '.join(stale)}. ./invoke lock" if stale else "", code=1 if stale else 0)
    requirements.compile_all()


@command(help={"fix": "as root on Debian or Ubuntu: install and start what is missing"})
def doctor(_: Context, fix: bool = False) -> None:
    """Say what this machine lacks, and the command that mends it.

    Exit code 1 when something that the commands need is missing."""
    from host.checks import doctor as checkup

    if fix:
        from host.checks.install import fix as mend

        mend()
    found = checkup.checks()
    checkup.table(found)
    raise Exit(code=0 if checkup.passed(found) else 1)


@command(help={"only": "a file of benchmarks/, without .py; may be repeated", **LOCAL}, iterable=["only"])
def bench(_: Context, only: list[str] | None = None, local: bool = False) -> None:
    """Measure the README's figures, each beside its peer or limit."""
    from host.checks import benchmarks

    wanted = benchmarks.names(only or [])
    benchmarks.bench(wanted, goes_local(local))


@command(
    help={
        "all": "the slow ones too",
        "only": "lint, lib, host or browser; may be repeated",
        "k": "EXPR: only tests whose name matches, as pytest's -k",
        "gpu_images": "only the images for GPUs, which it builds (44 GiB, a quarter of an hour); needs no GPU",
        **LOCAL,
    },
    iterable=["only"],
)
def test(
    _: Context,
    all_: bool = False,
    only: list[str] | None = None,
    k: str = "",
    gpu_images: bool = False,
    local: bool = False,
) -> None:
    """Run every test that this machine can run."""
    from host.checks import tests

    if gpu_images:
        raise Exit(code=tests.test_gpu_images())
    parts = tests.parts(only or [])
    raise Exit(code=tests.test(parts, goes_local(local), slow=all_, expression=k))
