"""The planes through the middle of volumes, as figures show them."""

from __future__ import annotations

import numpy as np

#: Depth, height and width of the OAI's volumes, in mm. Planes are shown with
#: these proportions if those of the volumes are unknown.
FIELD_OF_VIEW = 112.0, 140.0, 140.0

#: Height of each plane relative to its width.
PROPORTIONS = {
    'sagittal': FIELD_OF_VIEW[1] / FIELD_OF_VIEW[2],
    'coronal': FIELD_OF_VIEW[1] / FIELD_OF_VIEW[0],
    'axial': FIELD_OF_VIEW[2] / FIELD_OF_VIEW[0],
}


def middle_planes(
    volumes: np.ndarray, prefix: str = ''
) -> dict[str, np.ndarray]:
    """Cut volumes through their middle.

    Parameters
    ----------
    volumes : array, shape (n, depth, rows, columns)
        Sagittal slices.
    prefix : str
        Put before the names of the planes.

    Returns
    -------
    dict of str to array
        ``sagittal`` of shape (n, rows, columns), ``coronal`` of shape (n,
        rows, depth), and ``axial`` of shape (n, columns, depth).
    """
    depth, rows, columns = volumes.shape[1:]
    return {
        f'{prefix}sagittal': volumes[:, depth // 2],
        f'{prefix}coronal': volumes[..., columns // 2].swapaxes(1, 2),
        f'{prefix}axial': volumes[:, :, rows // 2].swapaxes(1, 2),
    }
