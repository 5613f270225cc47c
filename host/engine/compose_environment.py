"""The variables that compose.yaml reads."""

import os

from host.engine import images
from host.machine import env_file, git, instance, labs_owner, user


def variables(lab_image: images.Built) -> dict[str, str]:
    """The variables that compose.yaml reads: Jupyter's token and user, and what every run records of the host."""
    uid, gid = labs_owner.jupyter_user()
    instance.path(instance.ENGINE).touch()
    return {
        **os.environ,
        "JUPYTER_TOKEN": env_file.token(),
        "LAB_UID": str(uid),
        "LAB_GID": str(gid),
        "LAB_IMAGE": lab_image.id,
        "LAB_IMAGE_KIND": lab_image.kind,
        "LAB_GIT_COMMIT": git.commit(),
        # a notebook that was executed and saved has not changed what a lab runs
        "LAB_GIT_DIRTY": str(git.dirty(".", ":(exclude)labs")).lower(),
        "LAB_USER": user.name(),
    }
