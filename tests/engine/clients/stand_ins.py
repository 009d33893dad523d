"""Random data in the place of the datasets that programs read.

A program that opens a file which does not exist, or asks whether it exists,
gets the file of that name that :data:`MAKERS` writes. Nothing is downloaded.
"""

from __future__ import annotations

import builtins
import gzip
import io
import os
import pickle
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

_CLASSES = 10


def _images(count, *shape):
    rng = np.random.RandomState(count)
    return rng.randint(0, 256, (count, *shape)).astype('uint8')


def _labels(count):
    return np.random.RandomState(count).randint(0, _CLASSES, count)


def _rows(count):
    """Images as rows of numbers up to 1."""
    return (_images(count, 784) / 255).astype('float32')


def _write_pickled_mnist(path):
    """Three pairs of images and labels, as deeplearning.net had them."""
    parts = [(_rows(count), _labels(count)) for count in (1200, 600, 600)]
    with gzip.open(path, 'wb', compresslevel=1) as file:
        pickle.dump(parts, file, protocol=2)


def _write_batches(path):
    """Images and labels for training and for testing."""
    with open(path, 'wb') as file:
        np.savez(
            file,
            train_data=_rows(1000),
            train_labels=_labels(1000),
            test_data=_rows(600),
            test_labels=_labels(600),
        )


def _idx(values):
    """The bytes of an array in the format of MNIST's own files."""
    values = values.astype('uint8')
    header = [8 << 8 | values.ndim, *values.shape]
    return np.array(header, '>i4').tobytes() + values.tobytes()


def _write_idx(values):
    return lambda path: path.write_bytes(_idx(values()))


def _write_idx_gz(values):
    return lambda path: path.write_bytes(gzip.compress(_idx(values()), 1))


def _write_pairs(train, test):
    """Arrays as Keras reads them; `train` and `test` return pairs."""

    def write(path):
        (x_train, y_train), (x_test, y_test) = train(), test()
        with open(path, 'wb') as file:
            np.savez(
                file,
                x_train=x_train,
                y_train=y_train,
                x_test=x_test,
                y_test=y_test,
            )

    return write


def _digits(count):
    return _images(count, 28, 28), _labels(count)


def _texts(count, classes):
    """Lists of the numbers of words, and labels."""
    rng = np.random.RandomState(count)
    texts = np.empty(count, object)
    for i, length in enumerate(rng.randint(20, 200, count)):
        texts[i] = rng.randint(1, 5000, length).tolist()
    return texts, rng.randint(0, classes, count)


def _write_pickled_imdb(path):
    """Texts and labels for training and for testing, one after the other."""
    with open(path, 'wb') as file:
        for count in 200, 100:
            texts, labels = _texts(count, 2)
            pickle.dump((list(texts), labels.tolist()), file, protocol=2)


def _write_pickled_atis(path):
    """Three sets of sentences, each with the numbers of its words, of its
    named entities and of its labels, and what these numbers mean.
    """
    words, entities, labels = 100, 10, 10
    rng = np.random.RandomState(words)
    sets = []
    for count in 60, 20, 20:
        lengths = rng.randint(3, 30, count)
        sets.append(
            [
                [rng.randint(0, most, n).astype('int32') for n in lengths]
                for most in (words, entities, labels)
            ]
        )
    meanings = {
        f'{kind}2idx': {f'{kind}{i}': i for i in range(most)}
        for kind, most in [
            ('words', words),
            ('tables', entities),
            ('labels', labels),
        ]
    }
    with gzip.open(path, 'wb', compresslevel=1) as file:
        pickle.dump((*sets, meanings), file, protocol=2)


def _write_reuters(path):
    texts, topics = _texts(400, 46)
    with open(path, 'wb') as file:
        np.savez(file, x=texts, y=topics)


#: Functions that write a stand-in to a path, by the name of the file.
MAKERS: dict[str, Callable[[Path], object]] = {
    'mnist.pkl.gz': _write_pickled_mnist,
    # Programs rely on MNIST's numbers of images.
    'train-images-idx3-ubyte': _write_idx(lambda: _images(60000, 28, 28)),
    'train-labels-idx1-ubyte': _write_idx(lambda: _labels(60000)),
    't10k-images-idx3-ubyte': _write_idx(lambda: _images(10000, 28, 28)),
    't10k-labels-idx1-ubyte': _write_idx(lambda: _labels(10000)),
    # They set 10000 of these aside.
    'train-images-idx3-ubyte.gz': _write_idx_gz(
        lambda: _images(11000, 28, 28)
    ),
    'train-labels-idx1-ubyte.gz': _write_idx_gz(lambda: _labels(11000)),
    't10k-images-idx3-ubyte.gz': _write_idx_gz(lambda: _images(1000, 28, 28)),
    't10k-labels-idx1-ubyte.gz': _write_idx_gz(lambda: _labels(1000)),
    'mnist.npz': _write_pairs(
        # Some programs reshape the whole of it.
        lambda: _digits(60000),
        lambda: _digits(10000),
    ),
    'imdb.npz': _write_pairs(lambda: _texts(200, 2), lambda: _texts(100, 2)),
    'reuters.npz': _write_reuters,
    'mnist_batches.npz': _write_batches,
    'imdb.pkl': _write_pickled_imdb,
    'atis.fold3.pkl.gz': _write_pickled_atis,
}


class StandIns:
    """Files in the place of those that do not exist.

    Parameters
    ----------
    folder : path
        Where they are kept.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        self._open = builtins.open

    def find(self, file: object) -> object:
        """Return the stand-in for a file, or the file itself."""
        try:
            name = os.path.basename(os.fspath(file))  # type: ignore[arg-type]
            missing = not os.path.lexists(file)  # type: ignore[arg-type]
        except TypeError:
            return file  # the number of an open file
        if not missing or name not in MAKERS:
            return file
        path = self.folder / name
        if not os.path.lexists(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f'{name}.{os.getpid()}')
            MAKERS[name](part)
            part.replace(path)
        return str(path)

    def install(self) -> None:
        """Use the stand-ins in this process from now on."""

        def open_found(file, mode='r', *args, **kwargs):
            if 'r' in mode:
                file = self.find(file)
            return self._open(file, mode, *args, **kwargs)

        builtins.open = io.open = open_found  # type: ignore[assignment]
        for name in 'exists', 'isfile':
            setattr(os.path, name, self._found_by(getattr(os.path, name)))
        urllib.request.urlretrieve = urllib.request.urlopen = _refuse

    def _found_by(self, function):
        return lambda path: function(self.find(path))


def _refuse(url, *args, **kwargs):
    raise OSError(
        f'the program downloads {url}, for which '
        'tests/engine/clients/stand_ins.py has no stand-in'
    )
