"""`./invoke lab` and `./invoke sweep`: checked on the host, so that a slip costs no container, then run."""

from argparse import Namespace

from host.command.place import gpu_image_for, run_lib
from host.machine.labs_named import in_container
from lib.harness.contract.options import NO_TRIALS, arguments, options_of
from lib.harness.errors import UserError

ALONE = ("debug", "rehearse")
"""Modes of a lab that track nothing."""


def run_lab(options: Namespace) -> int:
    """Run a lab. Returns the exit code of the program."""
    named, line = in_container(options.name), lab_arguments(options)
    image, tracked = None, not any(getattr(options, mode) for mode in ALONE)
    if options.gpu:
        image = gpu_image_for(options.name, options.framework, options.set, options.local)
    return run_lib(
        line,
        options.local,
        labs=[named],
        gpu_image=image,
        on_ray=options.on == "ray",
        tracked=tracked,
        interactive=options.debug,
    )


def run_sweep(options: Namespace) -> int:
    """Search a lab's settings. Returns the exit code of the program."""
    named, line = in_container(options.name), sweep_arguments(options)
    return run_lib(line, options.local, labs=[named], on_ray=options.on == "ray")


def lab_arguments(options: Namespace) -> list[str]:
    """The arguments of `python -m lib` that run a lab.

    Raises:
        UserError: no such lab, a framework that it does not have, or options that cannot be combined.
    """
    name = lab_name(options.name, options.framework)
    if options.gpu and options.portable:
        raise UserError("--gpu and --portable cannot be combined: a GPU does not give a CPU's bits")
    modes = [mode for mode in ALONE if getattr(options, mode)]
    if len(modes) == 2:
        raise UserError("--debug and --rehearse cannot be combined")
    for mode in modes:
        others = {"resume": options.resume is not None, "on ray": options.on == "ray", "json": options.json}
        for other in (name for name, given in others.items() if given):
            raise UserError(f"--{mode} and --{other} cannot be combined")
    if options.resume is not None and options.gpu:
        options = Namespace(**(vars(options) | {"framework": None}))  # it only chooses the image
    return _started([name], "lab", options)


def sweep_arguments(options: Namespace) -> list[str]:
    """The arguments of `python -m lib` that search the settings of a lab. Raises as `lab_arguments`."""
    name = lab_name(options.name, options.framework)
    if options.trials is None and options.resume is None:
        raise UserError(f"sweep {options.name}: {NO_TRIALS}")
    return _started(["sweep", name], "sweep", options)


def lab_name(word: str, framework: str | None) -> str:
    """The word by which the program in the container knows the lab that the user calls `word`.

    Raises:
        UserError: there is no such lab, it cannot be used, or it does not run with `framework`.
    """
    named = in_container(word)
    known = named.entry.frameworks
    if framework is not None and framework not in known:
        raise UserError(f"--framework {framework}: {word} runs with {' or '.join(known)}")
    return named.word


def _started(line: list[str], command: str, options: Namespace) -> list[str]:
    """The whole line of a run that begins, or of one that is resumed: as it began, wherever its trials run."""
    if options.workers is not None and options.on == "ray":
        raise UserError(
            f"--workers {options.workers} and --on ray cannot be combined: a cluster has as many as it has cores"
        )
    values = vars(options) | {"on": None if options.on == "local" else options.on}
    table = options_of(command)
    if options.resume is not None:
        # where the trials run, how many at once, and how the results are printed changes none of them
        elsewhere = {"resume", "on", "workers", "gpu", "json"}
        changed = arguments(tuple(option for option in table if option.key not in elsewhere), values)
        if changed:
            raise UserError(f"--resume continues the run as it began: leave out {changed[0]}")
    return line + arguments(table, values)
