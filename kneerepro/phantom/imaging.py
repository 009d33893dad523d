"""Image a synthetic knee as sagittal DESS does: tissues, coil and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from kneerepro.phantom.anatomy import Anatomy, sample_anatomy
from kneerepro.phantom.knee import tissues
from kneerepro.phantom.shapes import Points, ramp

# Size of the Osteoarthritis Initiative's series, which have 384 x 384 pixels
# and 160 slices.
FIELD_OF_VIEW = 140.0  # mm
SLAB = 160 * 0.7  # mm

_LARGEST = 4095  # the largest stored value, of 12 bits
_HEIGHT = 10  # mm: how far the middle of the image is above the joint line

# Pixels to compute at a time: few enough that their arrays fit in the cache.
_BAND = 24000


def knee_volume(
    seed: int, patient: int, matrix: int = 384, slices: int = 160
) -> np.ndarray:
    """Image a synthetic knee as a sagittal series.

    In double echo steady state with water excitation, fluid and cartilage are
    bright, muscle is grey, fat and marrow are dark, and compact bone,
    menisci, ligaments and tendons are darker still.

    Parameters
    ----------
    seed, patient : int
        At least 0. The knee depends on these two alone: `matrix` and `slices`
        only sample it, apart from the noise.
    matrix : int
        Rows and columns of the 140 mm field of view.
    slices : int
        Slices of the 112 mm slab.

    Returns
    -------
    array of uint16, shape (slices, matrix, matrix)
        Slices from the patient's left to the right, which is along the slice
        normal; rows from top to bottom; columns from front to back. Values
        are at most 4095.
    """
    anatomy = sample_anatomy(seed, patient)
    to_knee = _KneeCoordinates(
        anatomy, np.random.default_rng([seed, patient, 1])
    )
    texture = _Texture(np.random.default_rng([seed, patient, 2]))
    noise = np.random.default_rng([seed, patient, 3])
    pixel = FIELD_OF_VIEW / matrix
    volume = np.empty((slices, matrix, matrix), 'uint16')
    posterior, superior = _plane(matrix)
    for i, left in enumerate(slice_positions(slices)):
        for rows in _bands(matrix):
            p = to_knee(left, posterior, superior[rows])
            image = _paint(anatomy, p, texture, pixel)
            image *= _coil_sensitivity(anatomy, posterior, superior[rows])
            real, imaginary = anatomy.noise * noise.standard_normal(
                (2,) + image.shape, dtype='float32'
            )
            image = np.hypot(image + real, imaginary)
            volume[i, rows] = np.minimum(
                np.rint(anatomy.gain * image), _LARGEST
            )
    return volume


def slice_positions(slices: int) -> np.ndarray:
    """Distances of slices from the middle of the slab, in mm.

    They are positive towards the patient's left, and they decrease.

    Parameters
    ----------
    slices : int

    Returns
    -------
    array, shape (slices,)
    """
    return SLAB * (0.5 - (np.arange(slices) + 0.5) / slices)


def _plane(matrix):
    """The pixels' posterior and superior distances from the middle, in mm."""
    offset = (np.arange(matrix, dtype='float32') + 0.5) / matrix - 0.5
    offset *= FIELD_OF_VIEW
    return offset[None, :], -offset[:, None]


def _bands(matrix):
    """Slices of the rows to compute at a time."""
    step = max(1, _BAND // matrix)
    return [slice(i, i + step) for i in range(0, matrix, step)]


class _KneeCoordinates:
    """Transforms coordinates of the scanner to those of the knee."""

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator):
        self.anatomy = anatomy
        self.phases = rng.uniform(0, 2 * np.pi, (3, 2))
        self.lengths = rng.uniform(60, 110, (3, 2)) / (2 * np.pi)
        angles = np.radians(
            [anatomy.tilt_deg, anatomy.adduction_deg, anatomy.rotation_deg]
        )
        rotation = np.eye(3)
        for axis, angle in enumerate(angles):
            about_axis = np.eye(3)
            i, j = (axis + 1) % 3, (axis + 2) % 3
            about_axis[i, i] = about_axis[j, j] = np.cos(angle)
            about_axis[i, j], about_axis[j, i] = -np.sin(angle), np.sin(angle)
            rotation = about_axis @ rotation
        self.matrix = (rotation / anatomy.size).astype('float32')

    def __call__(self, left, posterior, superior):
        a = self.anatomy
        lateral = left if a.side == 'LEFT' else -left
        point = (
            np.float32(lateral - a.shift_lateral_mm),
            posterior - np.float32(a.shift_posterior_mm),
            superior - np.float32(a.shift_superior_mm - _HEIGHT),
        )
        x, y, z = [
            sum(m * q for m, q in zip(row, point)) for row in self.matrix
        ]
        # Waves along the other two axes shift each coordinate, so that no
        # tissue is folded.
        x, y, z = (
            x + self._wave(0, y, z),
            y + self._wave(1, z, x),
            z + self._wave(2, x, y),
        )
        # Below the joint the leg bends backwards; above, it is straight.
        below = (np.sqrt(z * z + 12**2) - z) / 2
        return x, y - np.float32(np.tan(np.radians(a.flexion_deg))) * below, z

    def _wave(self, axis, u, v):
        (a, b), (p, q) = self.lengths[axis], self.phases[axis]
        a, b, p, q = np.float32([a, b, p, q])
        return np.float32(self.anatomy.deformation_mm / 2) * (
            np.sin(u / a + p) + np.sin(v / b + q)
        )


class _Texture:
    """Random texture that belongs to the tissue, not to the pixels."""

    cube = 64  # voxels along each axis of the periodic cube
    step = 0.4  # mm between voxels

    def __init__(self, rng: np.random.Generator):
        noise = rng.standard_normal((self.cube,) * 3, dtype='float32')
        noise = gaussian_filter(noise, 1.7, mode='wrap')
        self.noise = noise / noise.std()

    def __call__(self, p: Points, scale: Sequence[float]) -> np.ndarray:
        """Values of mean 0 and standard deviation 1 at points.

        Parameters
        ----------
        p : tuple of 3 arrays
            In the coordinates of the knee, in mm.
        scale : 3 floats
            By how much to stretch the texture along each axis.
        """
        points = np.stack(
            np.broadcast_arrays(
                *(q / np.float32(self.step * s) for q, s in zip(p, scale))
            )
        )
        return map_coordinates(
            self.noise,
            points,
            np.float32,
            order=1,
            mode='grid-wrap',
            prefilter=False,
        )


def _paint(anatomy, p, texture, pixel):
    """The signal of the tissues at points, relative to that of cartilage."""
    intensities = _intensities(anatomy, p, texture)
    image = np.zeros_like(p[0])
    for name, distance in tissues(anatomy, p):
        if name == 'skin' and distance.min() > pixel:
            break  # nothing but air
        # A pixel on the surface is a mixture of both sides.
        share = ramp(distance, pixel / 2, -pixel / 2)
        image += share * (intensities[name] - image)
    return image


def _intensities(anatomy, p, texture):
    """The signal of each tissue, with its texture at the points."""
    # Septa are thin sheets, where the noise changes its sign.
    septa = np.maximum(1 - 4 * np.abs(texture(p, (2, 2, 3))), 0)
    fat = anatomy.fat_intensity * (
        0.6 + 0.9 * septa + 0.2 * texture(p, (9, 9, 12))
    )
    # Bundles of fibres along the muscle, and dark sheets between them.
    sheets = np.maximum(1 - 6 * np.abs(texture(p, (5, 5, 24))), 0)
    muscle = anatomy.muscle_intensity * (
        1
        + 0.06 * texture(p, (2, 2, 14))
        - 0.35 * sheets
        + 0.08 * texture(p, (13, 13, 25))
    )
    marrow = anatomy.marrow_intensity * (
        1 + 0.16 * texture(p, (1, 1, 1.6)) + 0.25 * texture(p, (11, 11, 16))
    )
    return dict(
        skin=0.36,
        fat=fat,
        vein=0.8,
        muscle=muscle,
        vessel=0.8,
        synovium=0.29,
        ligament=0.1,
        tendon=0.07,
        meniscus=0.09,
        fluid=anatomy.fluid_intensity,
        cartilage=1,
        cortex=0.05,
        marrow=marrow,
    )


def _coil_sensitivity(anatomy, posterior, superior):
    u = posterior / FIELD_OF_VIEW * 2
    v = superior / FIELD_OF_VIEW * 2
    return (1 + anatomy.coil_skew * u + anatomy.coil_edge * u * u) * (
        1 - anatomy.coil_falloff * v * v
    )
