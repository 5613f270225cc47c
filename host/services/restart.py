"""Services that come back after a reboot: compose.yaml's restart policy, from LAB_RESTART."""

from host.bootstrap import environment
from host.machine import env_file
from lib.harness.errors import UserError

NAME = "LAB_RESTART"
POLICIES = ("unless-stopped", "no")
EXPLANATION = f"After a reboot the services come back, until ./invoke down; with {NAME}=no in .env they do not."


def after_reboot() -> bool:
    """Return whether the services come back. Raises `UserError` for a setting that is no policy of ours."""
    policy = environment.get(NAME) or env_file.setting(NAME) or POLICIES[0]
    if policy not in POLICIES:
        raise UserError(f"{NAME}={policy}: it is {' or '.join(POLICIES)}")
    return policy == POLICIES[0]
