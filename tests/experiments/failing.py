"""A training of which one process fails, for ``several_processes.py``."""

import os

from kneerepro import commands
from kneerepro.runs.training import Training
from kneerepro.utils.errors import UserError

log = Training.log


def fail(training, **values):
    if os.environ['RANK'] == '1' and training.iteration == 3:
        raise UserError('the disk of process 1 is full')
    log(training, **values)


if __name__ == '__main__':
    Training.log = fail
    commands.script('train', 'cae2d')
