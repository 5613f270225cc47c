"""The places that the host's side reads and writes."""

from pathlib import Path

from host.bootstrap import environment

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "docker" / "requirements"
LABS = ROOT / "labs"
# everything that the host's side keeps: locks, logs, local mode. Never in git.
STATE = ROOT / ".local"


def caller_path(name: str) -> Path:
    """A path as the caller means it: ./invoke changes the working directory to the clone."""
    return Path(environment.get("LAB_CALLER_DIR") or Path.cwd(), name).absolute()


def state_path(*parts: str) -> Path:
    """A path below .local, its folder made."""
    path = STATE.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
