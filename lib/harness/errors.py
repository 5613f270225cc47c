"""The one error that a user is meant to read."""


class UserError(Exception):
    """Bad input or a missing thing: one line that names the field and the remedy. The command ends with exit code 2."""
