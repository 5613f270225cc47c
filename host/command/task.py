"""The frame of the tasks in tasks.py: errors as one line, and where a command runs."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import task

from host.engine import docker
from lib.harness.errors import UserError


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
        docker.require()
    except docker.NoEngineError as error:
        print(f"{error}. Going on without it (local mode).", file=sys.stderr)
        return True
    return False


def run_lib(
    words: list[str],
    local: bool,
    mounts: dict[Path, str] | None = None,
    gpu_image: Any = None,
    on_ray: bool = False,
) -> None:
    """Run `python -m lib WORDS` in a container or in local mode; the command ends with its exit code.

    `gpu_image`: in this image, with all GPUs; then there is no local mode. `on_ray`: trials run on a Ray ray."""
    if gpu_image is None and goes_local(local):
        from host.runs.without_docker import run

        back = {target: str(source) for source, target in (mounts or {}).items()}
        code = run([back.get(word, word) for word in words])
    else:
        from host.runs.container import in_container

        code = in_container(words, mounts, gpu_image=gpu_image, on_ray=on_ray)
    raise Exit(code=code)


def gpu_image_for(lab: str | None, framework: str | None, changes: list[str], local: bool) -> Any:
    """The image for a lab, or for a framework, on the GPU."""
    from host.engine import gpu

    if local:
        raise UserError("--gpu --local: one of them; computing on a GPU needs the container")
    return gpu.image_of(lab, framework, changes) if lab else gpu.image_for(framework or "torch")
