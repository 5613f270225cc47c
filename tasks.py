"""The commands of Fearless Labs (./invoke --list). Each is a few lines: the work is in host/ and in lib/.

Their arguments and options are in lib/harness/contract/options.py.
"""

from argparse import Namespace

from host.command.task import command
from lib.harness.errors import UserError


@command
def up(options: Namespace) -> None:
    """Start JupyterLab and MLflow; prints their URLs and the lessons'."""
    from host.command.place import goes_local, gpu_image_for
    from host.engine import docker, project
    from host.machine import env_file, settings
    from host.services import ray, up_down, without_docker

    settings.check()
    if options.workers is not None:
        if options.local:
            raise UserError("--workers and --local cannot be combined: the Ray cluster is made of containers")
        docker.require()
    if options.internet and options.local:
        raise UserError("--internet and --local cannot be combined: local mode runs as you and reaches what you reach")
    if options.framework and not options.gpu:
        raise UserError("--framework: it chooses the image of --gpu; without it JupyterLab has both frameworks")
    image = gpu_image_for(None, options.framework, [], options.local) if options.gpu else None
    on_host = image is None and goes_local(options.local)
    if options.new_token:
        if on_host:
            raise UserError("--new-token: not in local mode; ./invoke down, then remove JUPYTER_TOKEN from .env")
        project.name()  # made before the token goes, by which a clone is known that was used before there were names
        env_file.forget_token()
    up_down.print_urls(without_docker.up() if on_host else up_down.up(image, internet=options.internet))
    if options.workers is not None:
        workers = int(options.workers)
        ray.print_ready(workers, ray.up(workers))


@command
def down(options: Namespace) -> None:
    """Stop everything; runs and notebooks are kept."""
    from host.services import stop

    if options.volumes:
        stop.delete()
    else:
        stop.stop()


@command
def status(options: Namespace) -> None:
    """Show this instance: services, labs at work, runs, disk."""
    from host.services import status as present

    present.show(as_json=options.json)


@command
def lab(options: Namespace) -> int:
    """Run a lab in a container, tracked in MLflow."""
    from host.command.lab import run_lab

    return run_lab(options)


@command
def sweep(options: Namespace) -> int:
    """Search a lab's settings (Optuna), every trial a child run."""
    from host.command.lab import run_sweep

    return run_sweep(options)


@command
def labs(options: Namespace) -> int:
    """List the labs: what each shows, its time, its last verdict."""
    from host.runs import labs_list

    return labs_list.show(as_json=options.json)


@command
def claims(options: Namespace) -> int:
    """Print the lecture's claims, measuring what has no verdict.

    Exit code 0 when every claim was measured, whatever the verdict; 1 when one could not be, or when
    one differs from FILE."""
    from host.command.claims import run_claims

    return run_claims(options)


@command
def report(options: Namespace) -> None:
    """Write the lecture, measured, as one HTML page."""
    from host.command.place import goes_local
    from host.machine.labs_named import names
    from host.runs import report as page

    write, path = page.place(options.out, options.folder)
    labs = names(options.only)
    write(path, labs, goes_local(options.local))


@command
def site(options: Namespace) -> None:
    """Write lessons, verdicts and documentation as pages for a browser.

    In English and Korean, with a search. They open from their files; nothing on them is on another server."""
    from host.command.place import goes_local
    from host.site import lessons, write

    folder = write.place(options.out)
    if options.execute:
        lessons.execute(goes_local(options.local))
    elif options.local:
        raise UserError("--local: it says where the lessons run; use it with --execute")
    write.write(folder)


@command
def reproduce(options: Namespace) -> int:
    """Run a recorded run again, from its record alone, and compare.

    Exit code 0 when it is identical bit for bit, 1 when not, 2 when it cannot be run again."""
    from host.records import operations
    from host.records import reproduce as again
    from host.services import undo

    request = operations.requested(options)
    again.require_engine()
    near = options.image is not None
    with undo.undone(undo.made()):
        if request is not None:
            return operations.reproduce(options.run, request, near=near)
        return again.reproduce_every(near=near) if options.run == "every" else again.reproduce(options.run, near=near)


@command
def diff(options: Namespace) -> int:
    """Say what differs between two runs, or between two files of --ops.

    Exit code 0 when no result differs, 1 when one does."""
    from host.records import operations
    from host.records import reproduce as again

    files = operations.files(options.run, options.other)
    if files:
        raise SystemExit(operations.diff(*files, as_json=options.json))  # no instance is used, so none is named
    again.require_engine()
    return again.diff(options.run, options.other, as_json=options.json)


@command
def export(options: Namespace) -> None:
    """Write the record of a run, or of all runs of a lab, to a folder."""
    from host.command.place import goes_local
    from host.records import transfer

    folder = transfer.place(options.out)
    transfer.export(options.run, folder, goes_local(options.local))


@command
def import_(options: Namespace) -> int:
    """Put exported runs into this MLflow, with their digests."""
    from host.command.place import run_lib
    from host.records import transfer

    source = transfer.source(options.folder)
    return run_lib(["import", transfer.INSIDE], options.local, {source: transfer.INSIDE})


@command
def sync(options: Namespace) -> int:
    """Send to MLflow what it has not got yet from the journals."""
    from host.command.place import run_lib
    from host.records.from_local import sync_from_local

    if options.from_local and options.local:
        raise UserError("--from-local and --local cannot be combined: it sends to the containers what --local has")
    if options.from_local:
        return sync_from_local()

    return run_lib(["sync"], options.local)


@command
def forget(options: Namespace) -> int:
    """Remove journals of runs that MLflow has; keeps what claims need."""
    from host.command.place import run_lib
    from lib.harness.contract.options import arguments, options_of

    named = [options.run] if options.run else []
    return run_lib(["forget", *named, *arguments(options_of("forget"), vars(options))], options.local)


@command
def backup(options: Namespace) -> None:
    """Write all runs of this instance to one checked file."""
    from host.records import backup as writer

    writer.backup(options.file)


@command
def restore(options: Namespace) -> None:
    """Put a backup into this instance, all of it or nothing."""
    from host.records import restore as reader

    reader.restore(options.file, options.replace)


@command
def build(options: Namespace) -> int:
    """Build the images; prints the time and the size of each."""
    from host.engine import build as builder
    from host.engine import docker, images, same_twice

    wanted = tuple(images.GPU.values()) if options.gpu else images.IMAGES
    if options.check:
        return 0 if same_twice.check(*wanted) else 1
    docker.require()
    builder.build(*wanted)
    images.keep_names()
    return 0


@command
def images(options: Namespace) -> None:
    """List the images here: sizes, what needs each."""
    from host.engine import docker, inventory

    docker.require()
    inventory.show(as_json=options.json)


@command
def clean(options: Namespace) -> None:
    """Remove the images of Fearless Labs that nothing needs."""
    from host.engine import clean as remover

    remover.clean(options.yes)


@command
def bundle(options: Namespace) -> None:
    """Write all that a room without internet needs, as one file.

    An interrupted bundle goes on where it ended."""
    from host.bundle import write

    write.bundle(options.out)


@command
def load(options: Namespace) -> None:
    """Check a bundle and install it; needs no network."""
    from host.bundle import load as unpack

    unpack.load(options.file, options.sha256)


@command
def lock(options: Namespace) -> int:
    """Resolve docker/requirements/*.in again, hash-locked."""
    from host.machine import requirements

    return requirements.check() if options.check else requirements.compile_all()


@command
def doctor(options: Namespace) -> int:
    """Say what this machine lacks, and the command that mends it.

    Exit code 1 when something that the commands need is missing."""
    from host.checks import doctor as checkup

    if options.fix:
        from host.checks.install import fix

        fix(options.yes)
    elif options.yes:
        raise UserError("--yes agrees to the plan of --fix: ./invoke doctor --fix --yes")
    checks = checkup.checks()
    (checkup.print_json if options.json else checkup.table)(checks)
    return 0 if checkup.passed(checks) else 1


@command
def completion(options: Namespace) -> None:
    """Print what makes a shell complete commands, labs and keys.

    For bash, in ~/.bashrc: source <(/path/to/clone/invoke completion bash)"""
    from host.command import completion as shell

    print(shell.script(options.shell), end="")


@command
def bench(options: Namespace) -> None:
    """Measure the figures of docs/figures.md, each beside its peer."""
    from host.checks import benchmarks
    from host.command.place import goes_local

    wanted = benchmarks.names(options.only)
    benchmarks.require(wanted, options.local)
    benchmarks.bench(wanted, goes_local(options.local), as_json=options.json)


@command
def test(options: Namespace) -> int:
    """Run every test that this machine can run."""
    from host.checks import tests
    from host.command.place import goes_local

    if options.gpu_images:
        return tests.test_gpu_images()
    parts = tests.parts(options.only)
    return tests.test(parts, goes_local(options.local), slow=options.all, expression=options.k or "")


@command
def torture(options: Namespace) -> int:
    """Try to make the programs lose something: faults, power cuts.

    Exit code 1 when something was lost, or when a planted bug was not found."""
    from host.checks import torture as trial
    from host.command.place import goes_local

    if options.planted and options.replay:
        raise UserError("--planted and --replay cannot be combined")
    if options.replay:
        trial.check(options.replay)
    local = goes_local(options.local)
    if options.replay:
        return trial.replay(options.replay, local)
    return trial.planted(local) if options.planted else trial.torture(int(options.minutes), local)
