"""The loop of Algorithm 1 over epochs and minibatches (section 2.4.1)."""

import contextlib
import math
import signal
import sys
from collections import namedtuple

import numpy as np

from kneerepro.data.splits import minibatches
from kneerepro.errors import UserError
from kneerepro.progress import Progress

History = namedtuple(
    'History', 'train_mse test_mse iterations_per_epoch epochs interrupted')
History.__doc__ = """What a training leaves.

Attributes
----------
train_mse : array, shape (iterations,)
    Mean squared error of each minibatch, before the step on it.
test_mse : array, shape (epochs + 1,)
    That of the whole test set before training and after each epoch (E19).
iterations_per_epoch, epochs : int
    Epochs that were finished.
interrupted : bool
    Whether an interrupt ended it early.
"""


def train_cae(functions, train, test, batch_size, epochs, seed=0,
              shuffle=True, after_epoch=None, feed=iter):
    """Train an autoencoder, Algorithm 1.

    Parameters
    ----------
    functions : kneerepro.algorithms.cae.CAEFunctions
    train, test : array, View or DeviceArray, shape (n, 1, ...), float32
        An epoch is one pass over `train` in ``floor(n / batch_size)``
        minibatches (E9); the images left over are others each time.
    batch_size, epochs : int
    seed : int
        Of the order of the images.
    shuffle : bool
        Whether the order is a new one each epoch (E20).
    after_epoch : callable, optional
        Called with the number of each epoch, from 1, when it ends.
    feed : callable, optional
        Makes of an epoch's minibatches those to train on, in time: see
        :meth:`kneerepro.engines.Engine.feed`.

    Returns
    -------
    History
        An interrupt (Ctrl-C) ends the training after the step in progress; a
        second one raises KeyboardInterrupt at once.

    Raises
    ------
    UserError
        If the loss is no longer finite, or `train` holds no whole minibatch.
    """
    per_epoch = len(train) // batch_size
    train_mse = []
    test_mse = [mean_over(functions.test, test, batch_size)]
    with _interrupts() as interrupted, \
            Progress('training', 'iterations') as progress:
        for epoch in range(1, epochs + 1):
            for batch in feed(minibatches(train, batch_size, seed, epoch,
                                          shuffle)):
                if interrupted:
                    break
                mse = float(functions.train(batch))
                _check_finite(mse, 'training', len(train_mse) + 1, epoch)
                train_mse.append(mse)
                progress(len(train_mse), epochs * per_epoch,
                         f'epoch {epoch}/{epochs}, MSE {mse:.4f} train, '
                         f'{test_mse[-1]:.4f} test')
            if interrupted:
                epochs = epoch - 1
                break
            test_mse.append(mean_over(functions.test, test, batch_size))
            # The last step of all shows only here.
            _check_finite(test_mse[-1], 'test', len(train_mse), epoch)
            if after_epoch is not None:
                after_epoch(epoch)
    return History(np.array(train_mse), np.array(test_mse), per_epoch, epochs,
                   bool(interrupted))


def mean_over(function, images, batch_size):
    """Mean of `function`, itself a mean over a minibatch, over all images."""
    starts = range(0, len(images), batch_size)
    means = [float(function(images[i:i + batch_size])) for i in starts]
    sizes = [min(batch_size, len(images) - i) for i in starts]
    return np.average(means, weights=sizes)


def _check_finite(mse, name, iteration, epoch):
    if not math.isfinite(mse):
        raise UserError(f'the {name} loss is {mse} at iteration {iteration} '
                        f'(epoch {epoch}): try a smaller learning rate')


@contextlib.contextmanager
def _interrupts():
    """A list that is no longer empty once SIGINT has come."""
    received = []

    def receive(signum, frame):
        if received:
            raise KeyboardInterrupt
        received.append(signum)
        print('\nstopping after this step (once more to stop at once)',
              file=sys.stderr)

    try:
        previous = signal.signal(signal.SIGINT, receive)
    except ValueError:
        # Not the main thread, which alone receives signals.
        yield received
        return
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, previous)
