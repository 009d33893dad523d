"""Where the slices of a series lie in the patient.

DICOM's patient coordinates, in mm: x to the left, y to the back, z to the
head (part 3, C.7.6.2).
"""

from collections import namedtuple

import numpy as np

# The usual views: in which directions slices, rows and columns are counted.
# The OAI's sagittal series are stored so: slices from the patient's left to
# the right, rows downwards, columns from front to back.
_VIEWS = {
    'sagittal': ('LR', 'SI', 'AP'),
    'coronal': ('AP', 'SI', 'RL'),
    'axial': ('IS', 'AP', 'RL'),
}
_AXES = {
    'RL': (0, 1),
    'LR': (0, -1),
    'AP': (1, 1),
    'PA': (1, -1),
    'IS': (2, 1),
    'SI': (2, -1),
}

Orientation = namedtuple('Orientation', 'plane directions flips')
Orientation.__doc__ = """How a series lies.

Attributes
----------
plane : str
    'sagittal', 'coronal' or 'axial', whichever is nearest.
directions : str
    Six letters: towards which sides of the patient the first and the last
    slice lie, the top and the bottom, the left and the right border, after
    `flips`.
flips : tuple of 3 bools
    Which axes (slices, rows, columns) are to be reversed for the usual view.
"""


def normal(orientation):
    """The slice normal, from ImageOrientationPatient."""
    cosines = np.array(orientation, float)
    return np.cross(cosines[:3], cosines[3:])


def along_normal(orientation, positions):
    """Distances along the slice normal.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient: directions of a row and of a column.
    positions : array, shape (slices, 3)
        ImagePositionPatient, in mm.

    Returns
    -------
    array, shape (slices,)
        In mm.
    """
    return np.asarray(positions, float) @ normal(orientation)


def orient(orientation):
    """How a series with these direction cosines lies.

    Parameters
    ----------
    orientation : 6 floats
        ImageOrientationPatient. The slices are taken to be sorted along the
        slice normal.

    Returns
    -------
    Orientation
    """
    cosines = np.array(orientation, float)
    # Slices, rows and columns are counted along the normal, along a column
    # and along a row.
    vectors = normal(orientation), cosines[3:], cosines[:3]
    plane = ('sagittal', 'coronal', 'axial')[np.abs(vectors[0]).argmax()]
    letters, flips = '', []
    for vector, wanted in zip(vectors, _VIEWS[plane]):
        axis = np.abs(vector).argmax()
        found = next(
            name
            for name, (a, sign) in _AXES.items()
            if a == axis and sign * vector[axis] > 0
        )
        # Rows and columns the other way about are left as they are.
        flip = found == wanted[::-1]
        flips.append(flip)
        letters += wanted if flip else found
    return Orientation(plane, letters, tuple(flips))


def field(rows, columns, pixel_spacing, size):
    """Rows and columns within a square that keep the image's proportions.

    Parameters
    ----------
    rows, columns : int
    pixel_spacing : tuple of 2 floats, or None
        Between rows and between columns, in mm.
    size : int
        Of the square.

    Returns
    -------
    tuple of 2 ints
        ``(size, size)`` for a square field of view.
    """
    height, width = pixel_spacing or (1.0, 1.0)
    height, width = rows * height, columns * width
    longer = max(height, width)
    return tuple(
        max(1, round(size * side / longer)) for side in (height, width)
    )
