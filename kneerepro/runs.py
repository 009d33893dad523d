"""What a training leaves on disk, from which its figures can be drawn."""

import csv
import json
import os
import zipfile

import numpy as np
from lasagne.layers import get_all_params

from kneerepro.errors import UserError
from kneerepro.files import reason, replacing


def save(folder, settings, results, networks):
    """Write a finished run.

    Parameters
    ----------
    folder : str
    settings : dict
        All that determined the run; written last, as ``settings.json``, so
        that a folder with this file is whole.
    results : dict of str to array
        ``results.npz``. ``train_mse`` and ``test_mse`` also go to
        ``losses.csv``.
    networks : list of Layer
        Their parameters go to ``parameters.npz``, under their names.

    Raises
    ------
    UserError
        If the folder cannot be written to. The run in it, if any, no longer
        counts as finished then.
    """
    discard(folder)
    with replacing(os.path.join(folder, 'parameters.npz')) as path:
        _save_arrays(path, {param.name: param.get_value()
                            for param in get_all_params(networks)})
    with replacing(os.path.join(folder, 'losses.csv')) as path:
        _write_losses(path, results)
    with replacing(os.path.join(folder, 'results.npz')) as path:
        _save_arrays(path, results)
    with replacing(os.path.join(folder, 'settings.json')) as path:
        with open(path, 'w') as file:
            json.dump(settings, file, indent=2)


def load(folder, settings):
    """Results of a finished run, or None if there is none with `settings`."""
    try:
        with open(os.path.join(folder, 'settings.json')) as file:
            # JSON knows no tuples: compare what it makes of them.
            if json.load(file) != json.loads(json.dumps(settings)):
                return None
        with np.load(os.path.join(folder, 'results.npz')) as file:
            return dict(file)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None


def discard(folder):
    """Mark the run in a folder as not finished."""
    try:
        os.remove(os.path.join(folder, 'settings.json'))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UserError(f'cannot write to {folder}: {reason(error)}') from None


def _save_arrays(path, arrays):
    with open(path, 'wb') as file:  # savez would append .npz to a path
        np.savez(file, **arrays)


def _write_losses(path, results):
    per_epoch = int(results['iterations_per_epoch'])
    test = {i * per_epoch: mse for i, mse in enumerate(results['test_mse'])}
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['iteration', 'train_mse', 'test_mse'])
        writer.writerow([0, '', test[0]])
        for i, mse in enumerate(results['train_mse'], 1):
            writer.writerow([i, mse, test.get(i, '')])
