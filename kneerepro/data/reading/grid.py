"""Where the voxels of a volume lie in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """The voxels of a volume in DICOM's patient coordinates, in mm.

    x points to the patient's left, y to the back, z to the head (DICOM part
    3, C.7.6.2). NIfTI has x and y the other way round.

    Attributes
    ----------
    shape : tuple of 3 ints
        Slices, rows and columns.
    origin : tuple of 3 floats
        The centre of voxel ``[0, 0, 0]``.
    steps : tuple of 3 tuples of 3 floats
        The vectors from the centre of a voxel to that of its neighbour in
        the next slice, the next row and the next column.
    """

    shape: tuple[int, int, int]
    origin: Vector
    steps: tuple[Vector, Vector, Vector]

    @classmethod
    def of(
        cls,
        shape: Sequence[int] | np.ndarray,
        origin: Sequence[float] | np.ndarray,
        steps: Sequence[Sequence[float]] | np.ndarray,
    ) -> Grid:
        """A grid from arrays or other sequences."""
        slices, rows, columns = map(int, shape)
        x, y, z = map(float, origin)
        first, second, third = (
            (float(step[0]), float(step[1]), float(step[2])) for step in steps
        )
        return cls(
            shape=(slices, rows, columns),
            origin=(x, y, z),
            steps=(first, second, third),
        )

    @property
    def spacing(self) -> Vector:
        """The distances of slices, of rows and of columns, in mm."""
        slices, rows, columns = np.linalg.norm(self.steps, axis=1).tolist()
        return slices, rows, columns

    def affine(self) -> np.ndarray:
        """The matrix from the index of a voxel to its position.

        Returns
        -------
        array, shape (4, 4)
            Maps ``(slice, row, column, 1)`` to ``(x, y, z, 1)``.
        """
        affine = np.eye(4)
        affine[:3, :3] = np.transpose(self.steps)
        affine[:3, 3] = self.origin
        return affine

    def position(self, index: Sequence[float] | np.ndarray) -> np.ndarray:
        """The position of a voxel.

        Parameters
        ----------
        index : 3 floats
            Slice, row and column, counted from 0; between voxels, fractions.

        Returns
        -------
        array, shape (3,)
        """
        return self.origin + np.asarray(index, float) @ np.array(self.steps)

    def centre(self) -> np.ndarray:
        """The position of the middle of the volume, shape (3,)."""
        return self.position([(length - 1) / 2 for length in self.shape])

    def flipped(self, flips: Sequence[bool]) -> Grid:
        """The grid of a volume whose axes are reversed.

        Parameters
        ----------
        flips : 3 bools
            Which axes (slices, rows, columns) are reversed.

        Returns
        -------
        Grid
            Every voxel has the position that it had before.
        """
        last = [
            length - 1 if flip else 0
            for length, flip in zip(self.shape, flips)
        ]
        signs = [-1.0 if flip else 1.0 for flip in flips]
        return self._with(
            self.position(last), np.array(self.steps) * np.c_[signs]
        )

    def permuted(self, axes: Sequence[int]) -> Grid:
        """The grid of a volume whose axes are exchanged.

        Parameters
        ----------
        axes : 3 ints
            As for :func:`numpy.transpose`.

        Returns
        -------
        Grid
        """
        slices, rows, columns = (self.shape[axis] for axis in axes)
        return replace(
            self._with(self.origin, np.array(self.steps)[list(axes)]),
            shape=(slices, rows, columns),
        )

    def resized(self, shape: tuple[int, int, int]) -> Grid:
        """The grid of a volume that is resized and fills the same space.

        Parameters
        ----------
        shape : tuple of 3 ints
            Slices, rows and columns of the new volume.

        Returns
        -------
        Grid
            The outer faces of its outermost voxels lie where they did.
        """
        ratio = np.divide(self.shape, shape)
        return replace(
            self._with(
                self.position((ratio - 1) / 2),
                np.array(self.steps) * ratio[:, np.newaxis],
            ),
            shape=shape,
        )

    def extended(
        self, before: Sequence[int], shape: tuple[int, int, int]
    ) -> Grid:
        """The grid of a volume that is padded or cropped.

        Parameters
        ----------
        before : 3 ints
            Voxels added in front of each axis; fewer than 0 are taken away.
        shape : tuple of 3 ints
            Slices, rows and columns of the new volume.

        Returns
        -------
        Grid
        """
        origin = self.position([-count for count in before])
        return replace(self._with(origin, np.array(self.steps)), shape=shape)

    def _with(self, origin, steps):
        return Grid.of(self.shape, origin, steps)
