"""Programs that the host's side starts."""


def reason(stderr: str) -> str:
    """The last line of what a command said."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
