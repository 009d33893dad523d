"""Errors whose message is all that a user needs to read."""

from __future__ import annotations


class UserError(Exception):
    """The input is wrong; the message says what is wrong and what to do.

    Scripts print the message on one line and exit with status 2; see
    :func:`kneerepro.utils.cli.run`.
    """


class Stopped(Exception):  # noqa: N818, stopping is not an error
    """A signal stopped the work at a point from which it can be resumed.

    The message says how to resume it. The exit status is that of the signal.

    Attributes
    ----------
    signum : int
    """

    def __init__(self, message: str, signum: int):
        super().__init__(message)
        self.signum = signum
