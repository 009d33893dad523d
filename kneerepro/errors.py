"""Errors whose message is all that a user needs to read."""


class UserError(Exception):
    """Bad input: the message says what is wrong and what to do.

    The scripts print it on one line and exit with status 2; see
    :func:`kneerepro.cli.run`.
    """
