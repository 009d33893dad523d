"""Grids of several kinds, and volumes on them."""

import numpy as np
from scipy.spatial.transform import Rotation

from kneerepro.data.reading.grid import Grid
from kneerepro.data.writing.records import Output, Subject

# As the OAI's series: slices to the right, rows downwards, columns backwards.
SAGITTAL = Grid(
    shape=(5, 4, 6),
    origin=(61.25, -70.5, 33.3),
    steps=((-0.7, 0.0, 0.0), (0.0, 0.0, -0.25), (0.0, 0.365, 0.0)),
)


def rotated(grid, degrees, axis):
    """A grid turned about an axis through the origin."""
    turn = Rotation.from_rotvec(degrees * np.array(axis), degrees=True)
    return Grid.of(grid.shape, turn.apply(grid.origin), turn.apply(grid.steps))


GRIDS = {
    'sagittal': SAGITTAL,
    'oblique': rotated(SAGITTAL, 20, (0.36, 0.48, 0.8)),
    'flipped': SAGITTAL.flipped((True, False, True)),
    # As with --flip-left: the axes are left-handed.
    'mirrored': SAGITTAL.flipped((True, False, False)),
    'oblique and mirrored': rotated(SAGITTAL, 70, (0.6, 0, 0.8)).flipped(
        (False, False, True)
    ),
    'padded': SAGITTAL.extended((0, 1, 0), (5, 6, 6)),
    'resampled': SAGITTAL.resized((8, 4, 4)),
    'axial': rotated(SAGITTAL, 120, np.full(3, 3**-0.5)),
    'slightly oblique': rotated(SAGITTAL, 179, (0, 0.6, 0.8)),
}


def output(grid, number=0, kind='reconstruction'):
    """A volume of random numbers in [0, 1]."""
    values = np.random.RandomState(1).rand(*grid.shape).astype('float32')
    return Output(number, kind, values)


def subject(grid, **about):
    """A subject whose position is known."""
    return Subject(grid, **{'original': grid, **about})


def indices_in(grid, other):
    """The index in a grid of each voxel of another one.

    Returns an array of integers, shape (3, *other.shape), and how far the
    voxels are from these indices at most, in voxels.
    """
    to_index = np.linalg.inv(grid.affine()) @ other.affine()
    voxels = np.indices(other.shape).reshape(3, -1)
    found = to_index[:3, :3] @ voxels + to_index[:3, 3:]
    indices = np.rint(found).astype(int)
    return indices.reshape(3, *other.shape), np.abs(found - indices).max()
