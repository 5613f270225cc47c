"""The variables that compose.yaml reads."""

from host.bootstrap import environment
from host.engine import compose_overrides, images
from host.machine import env_file, git, hosts, instance, labs_owner, user


def variables(tracking: images.Built, lab_image: images.Built) -> dict[str, str]:
    """The variables that compose.yaml reads: the images by their ids, Jupyter's token and user, the facts of the host.

    Both images are as this command has built or seen them, whatever becomes of their names.

    Raises:
        UserError: the caller has set another image, or a file for Compose changes what runs record.
    """
    compose_overrides.refuse_variables()
    images.keep_names()
    uid, gid = labs_owner.jupyter_user()
    instance.path(instance.ENGINE).touch()
    variables = {
        **environment.caller(),
        "LAB_CPU_IMAGE": lab_image.id,
        "TRACKING_IMAGE": tracking.id,
        "JUPYTER_TOKEN": env_file.token(),
        "LAB_UID": str(uid),
        "LAB_GID": str(gid),
        "LAB_IMAGE": lab_image.id,
        "LAB_IMAGE_KIND": lab_image.kind,
        "LAB_IMAGE_CONTENT": lab_image.content,
        "LAB_GIT_COMMIT": git.commit(),
        # a notebook that was executed and saved has not changed what a lab runs
        "LAB_GIT_DIRTY": git.dirty(".", ":(exclude)labs"),
        "LAB_USER": user.name(),
        **hosts.variables(),
    }
    compose_overrides.refuse_files(variables)
    return variables
