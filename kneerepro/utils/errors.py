"""Errors whose message is all that a user needs to read."""


class UserError(Exception):
    """Bad input: the message says what is wrong and what to do.

    The scripts print it on one line and exit with status 2; see
    :func:`kneerepro.utils.cli.run`.
    """


class Stopped(Exception):
    """A signal ended the work, at a point from which it can go on.

    The message says how. The exit status is that of the signal.

    Attributes
    ----------
    signum : int
    """

    def __init__(self, message, signum):
        super().__init__(message)
        self.signum = signum
