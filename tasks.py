"""The commands of Fearless Labs (./invoke --list). Each is a few lines: the work is in host/ and in lib/."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from host import engine, paths
from host.instance import PROJECT
from lib.harness.contract.options import PRUNERS, SAMPLERS, SPACE_FORMS
from lib.harness.errors import UserError

LOCAL = {"local": "without Docker: in an environment made from the same lock"}


def command(**options: Any) -> Callable[[Callable[..., None]], Any]:
    """An Invoke task whose `UserError` is one line on stderr with exit code 2, and whose Ctrl-C is exit code 130."""

    def decorate(body: Callable[..., None]) -> Any:
        @functools.wraps(body)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                body(*args, **kwargs)
            except UserError as error:
                raise Exit(str(error), code=2) from None
            except KeyboardInterrupt:
                raise Exit("Interrupted.", code=130) from None

        return task(run, auto_shortflags=False, **options)

    return decorate


def goes_local(asked: bool) -> bool:
    """Whether to run in local mode: asked for by name, or because no engine answers, which is said in one line."""
    if asked:
        return True
    try:
        engine.require()
    except engine.NoEngineError as error:
        print(f"{error}. Going on without it (local mode).", file=sys.stderr)
        return True
    return False


def run_words(
    words: list[str],
    local: bool,
    mounts: dict[Path, str] | None = None,
    gpu_image: Any = None,
    on_ray: bool = False,
) -> None:
    """Run `python -m lib WORDS` in a container or in local mode; the command ends with its exit code.

    `gpu_image`: in this image, with all GPUs; then there is no local mode. `on_ray`: trials run on a Ray cluster."""
    if gpu_image is None and goes_local(local):
        from host.local import run

        back = {target: str(source) for source, target in (mounts or {}).items()}
        code = run([back.get(word, word) for word in words])
    else:
        from host.runs import in_container

        code = in_container(words, mounts, gpu_image=gpu_image, on_ray=on_ray)
    raise Exit(code=code)


def gpu_image_for(lab: str | None, framework: str | None, changes: list[str], local: bool) -> Any:
    """The image for a lab, or for a framework, on the GPU."""
    from host import gpu

    if local:
        raise UserError("--gpu --local: one of them; computing on a GPU needs the container")
    return gpu.image_of(lab, framework, changes) if lab else gpu.image_for(framework or "torch")


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
    from host import cluster, local_services, services

    if workers is not None:
        if not (workers.isascii() and workers.isdecimal() and int(workers) >= 1):
            raise UserError(f"--workers {workers}: a whole number of at least 1 is needed")
        if local:
            raise UserError("--workers --local: one of them; the Ray cluster is made of containers")
        engine.require()
    if framework and not gpu:
        raise UserError("--framework: it chooses the image of --gpu; without it JupyterLab has both frameworks")
    image = gpu_image_for(None, framework, [], local) if gpu else None
    on_host = image is None and goes_local(local)
    services.print_urls(local_services.up() if on_host else services.up(image))
    if workers is not None:
        cluster.print_ready(int(workers), cluster.up(int(workers)))


@command(help={"volumes": "delete all runs and journals too, after asking"})
def down(_: Context, volumes: bool = False) -> None:
    """Stop everything; runs and notebooks are kept."""
    from host import local_services, services

    if volumes:
        print(f"Delete every run, journal and artifact of {PROJECT}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise UserError("Nothing was deleted or stopped: the answer was not yes")
    stopped = local_services.down(volumes)
    if engine.available():
        services.down(volumes)
    elif not (stopped or volumes):
        engine.require()


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
        "workers": "N: how many trials run at a time here (default: one per core)",
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
    workers: str | None = None,
    local: bool = False,
) -> None:
    """Run a lab in a container, tracked in MLflow."""
    from host import words

    changes = set_ or []
    said = words.lab(
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
        workers=workers,
    )
    image = gpu_image_for(name, framework, changes, local) if gpu else None
    run_words(said, local, gpu_image=image, on_ray=on == "ray")


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
        "workers": "N: how many trials run at a time here (default: one per core)",
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
    workers: str | None = None,
    local: bool = False,
) -> None:
    """Search a lab's settings (Optuna), every trial a child run."""
    from host import words

    said = words.sweep(
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
        workers=workers,
    )
    run_words(said, local, on_ray=on == "ray")


@command()
def labs(_: Context) -> None:
    """List the labs: what each shows, its time, its last verdict."""
    from host import labs_list

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
    run_words(words, local, mounts)


@command(help={"out": "FILE: where to write it (default: report.html)", **LOCAL})
def report(_: Context, out: str = "report.html", local: bool = False) -> None:
    """Write the lecture, measured, as one HTML page."""
    from host import report as page

    file = page.place(out)
    page.write(file, goes_local(local))


@command(
    positional=["run"],
    help={"run": "its key (lab.run), MLflow's id, a beginning of one, last:NAME, or every: the last run of each lab"},
)
def reproduce(_: Context, run: str) -> None:
    """Run a recorded run again, from its record alone, and compare.

    Exit code 0 when it is identical bit for bit, 1 when not, 2 when it cannot be run again."""
    from host import reproduce as again

    again.require_engine()
    raise Exit(code=again.reproduce_every() if run == "every" else again.reproduce(run))


@command(positional=["run", "other"], help={"run": "as reproduce takes it", "other": "another one"})
def diff(_: Context, run: str, other: str) -> None:
    """Say what differs between two runs: code, config, results.

    Exit code 0 when no result differs, 1 when one does."""
    from host import reproduce as again

    again.require_engine()
    raise Exit(code=again.diff(run, other))


@command(
    name="export",
    positional=["run"],
    help={"run": "as reproduce takes it, or all:NAME", "out": "FOLDER: a new folder for the files", **LOCAL},
)
def export_(_: Context, run: str, out: str = "records", local: bool = False) -> None:
    """Write the record of a run, or of all runs of a lab, to a folder."""
    from host import transfer

    folder = transfer.place(out)
    transfer.export(run, folder, goes_local(local))


@command(name="import", positional=["folder"], help={"folder": "what export has made", **LOCAL})
def import_(_: Context, folder: str, local: bool = False) -> None:
    """Put exported runs into this MLflow, with their digests."""
    from host import transfer

    source = transfer.source(folder)
    run_words(["import", transfer.INSIDE], local, {source: transfer.INSIDE})


@command(help=LOCAL)
def sync(_: Context, local: bool = False) -> None:
    """Send to MLflow what it has not got yet from the journals."""
    run_words(["sync"], local)


@command(
    help={
        "gpu": "the two images for GPUs instead; needs no GPU",
        "check": "only build each twice from nothing, and compare all files (exit 1 when one differs)",
    }
)
def build(_: Context, gpu: bool = False, check: bool = False) -> None:
    """Build the images; prints the time and the size of each."""
    from host import build_check, images

    wanted = tuple(images.GPU.values()) if gpu else images.IMAGES
    if check:
        raise Exit(code=0 if build_check.check(*wanted) else 1)
    engine.require()
    images.build(*wanted)


@command(help={"out": "FILE: where to write it (default: fearless-labs-bundle.tar)"})
def bundle(_: Context, out: str = "fearless-labs-bundle.tar") -> None:
    """Write all that a room without internet needs, as one file.

    An interrupted bundle goes on where it ended."""
    from host import bundle as pack

    pack.bundle(out)


@command(positional=["file"], help={"file": "what ./invoke bundle has written"})
def load(_: Context, file: str) -> None:
    """Check a bundle and install it; needs no network."""
    from host import load as unpack

    unpack.load(file)


@command(help={"check": "only say whether the locks fit their .in files (exit 1 when not)"})
def lock(_: Context, check: bool = False) -> None:
    """Resolve docker/requirements/*.in again, hash-locked."""
    from host import lock as locks

    if check:
        stale = locks.stale()
        raise Exit(f"Out of date: {', '.join(stale)}. ./invoke lock" if stale else "", code=1 if stale else 0)
    locks.compile_all()


@command(help={"fix": "as root on Debian or Ubuntu: install and start what is missing"})
def doctor(_: Context, fix: bool = False) -> None:
    """Say what this machine lacks, and the command that mends it.

    Exit code 1 when something that the commands need is missing."""
    from host import doctor as checkup

    if fix:
        from host.fix import fix as mend

        mend()
    found = checkup.checks()
    checkup.table(found)
    raise Exit(code=0 if checkup.passed(found) else 1)


@command(help={"only": "a file of benchmarks/, without .py; may be repeated", **LOCAL}, iterable=["only"])
def bench(_: Context, only: list[str] | None = None, local: bool = False) -> None:
    """Measure the README's figures, each beside its peer or limit."""
    from host import benching

    wanted = benching.names(only or [])
    benching.bench(wanted, goes_local(local))


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
    from host import testing

    if gpu_images:
        raise Exit(code=testing.test_gpu_images())
    parts = testing.parts(only or [])
    raise Exit(code=testing.test(parts, goes_local(local), slow=all_, expression=k))
