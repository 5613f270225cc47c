"""`./invoke down`: stops this instance; with --volumes it deletes it, after asking for its name."""

import sys

from host.engine import docker, project
from host.machine import instance
from host.services import recorded, up_down, without_docker
from lib.harness.errors import UserError


def stop() -> None:
    """Stop everything of this instance, and say what that was. Raises `UserError` when nothing is left to stop."""
    stopped = without_docker.down()
    if docker.available():
        stopped += up_down.down()
    elif not stopped:
        docker.require()
    print(f"Stopped {project.name()}: {', '.join(sorted(set(stopped))) or 'nothing was running'}")


def delete() -> None:
    """Stop this instance and delete its runs, once its name was typed.

    Raises:
        UserError: nothing was deleted, as the name was not typed or the engine is away; or not everything.
    """
    has_engine = docker.available()
    if not has_engine and recorded.may_be_on_engine():
        raise UserError(
            "Nothing was deleted: the engine that has this instance's volumes does not answer; "
            "./invoke doctor says how to mend it"
        )
    name = project.name()
    runs = recorded.of_instance(has_engine)
    at_work = sum(len(part.at_work) for part in runs.parts)
    ends = f" {at_work} of them at work;" if at_work else ""
    older = " runs of other clones may be among them, as all had this name once;" if name == instance.DEFAULT else ""
    print(
        f"Delete {name} of {instance.here()}: {runs};{ends}{older} notebooks stay. Its name: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    typed = sys.stdin.readline().strip() if sys.stdin is not None else ""
    if typed != name:
        raise UserError(f"Nothing was deleted or stopped: type {name} to delete it")
    with instance.turn(instance.DATA):
        without_docker.down()
        if has_engine:
            up_down.down(volumes=True)
            (instance.folder() / instance.ENGINE).unlink(missing_ok=True)
        without_docker.delete()
        project.give_up_default()
    print(f"Deleted {name}: {runs}")
