"""The process that runs a program and records what its functions return."""

from __future__ import annotations

import argparse
import builtins
import importlib
import json
import os
import random
import runpy
import sys

import numpy as np

from tests.engine.clients.python2 import divide_as_python2
from tests.engine.clients.recording import Recorder
from tests.engine.clients.stand_ins import StandIns


def main():
    parser = argparse.ArgumentParser()
    for name in 'program', 'record', 'data':
        parser.add_argument(name)
    parser.add_argument('calls', type=int)
    parser.add_argument('--path', default='.')
    parser.add_argument('--function', default='')
    parser.add_argument('arguments', nargs=argparse.REMAINDER)
    args = parser.parse_args()

    import kneerepro  # noqa: F401, makes Theano importable

    folder = os.path.dirname(args.program)
    os.chdir(folder)
    sys.path[:0] = [folder, os.path.normpath(os.path.join(folder, args.path))]
    sys.argv = [args.program, *args.arguments]
    builtins.divide_as_python2 = divide_as_python2  # type: ignore[attr-defined]
    recorder = Recorder(args.record, args.calls)
    recorder.install()
    make_repeatable()
    if os.path.isdir(os.path.join(sys.path[1], 'keras')):
        prepare_keras()
    StandIns(args.data).install()
    try:
        contents = runpy.run_path(args.program, run_name='__main__')
        if args.function:
            contents[args.function]()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        recorder.write()


def make_repeatable():
    """Seed the generators that programs leave to chance."""
    from theano.tensor.shared_randomstreams import RandomStreams

    random.seed(1)
    np.random.seed(1)
    init = RandomStreams.__init__

    def init_seeded(self, seed=None):
        init(self, 1 if seed is None else seed)

    RandomStreams.__init__ = init_seeded


def prepare_keras():
    """Let Keras use Theano, in the type of its floats, and take data of which
    it knows another checksum.
    """
    import theano

    settings = os.path.expanduser('~/.keras/keras.json')
    os.makedirs(os.path.dirname(settings), exist_ok=True)
    with open(settings, 'w') as file:
        json.dump(
            {
                'backend': 'theano',
                'floatx': theano.config.floatX,
                'epsilon': 1e-7,
                'image_data_format': 'channels_last',
            },
            file,
        )
    importlib.import_module('keras.utils.data_utils').validate_file = (
        lambda *args, **kwargs: True
    )


if __name__ == '__main__':
    main()
