"""The tissues of the knee as signed distances, in mm.

The coordinates are lateral, posterior and superior. Their origin is the
middle of the joint line, at the height of the lowest points of the femur. The
numbers below are those of an average adult.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import PchipInterpolator

from kneerepro.phantom.anatomy import Anatomy
from kneerepro.phantom.shapes import (
    Points,
    ellipsoid,
    ramp,
    round_cone,
    smooth_intersection,
    smooth_union,
    superellipse,
    tube,
)

# By height: where the skin is in front and behind, and half the width.
_OUTLINE = PchipInterpolator(
    [-160, -75, -40, -15, 10, 38, 75, 180],
    np.transpose(
        [
            (-38, -38, -42, -51, -60, -65, -64, -67),
            (70, 66, 59, 54, 54, 59, 67, 73),
            (57, 56, 52, 50, 51, 54, 60, 69),
        ]
    ),
)

# (lateral, posterior, superior, radius) along each muscle
_MUSCLES = {
    'semimembranosus': [
        (-20, 40, 150, 24),
        (-24, 38, 40, 17),
        (-32, 30, -8, 3),
    ],
    'sartorius': [(-40, 26, 150, 14), (-43, 24, 30, 9), (-38, 6, -30, 3)],
    'biceps femoris': [(26, 40, 150, 24), (31, 37, 40, 16), (36, 26, -12, 3)],
    'vastus medialis': [
        (-29, -20, 150, 32),
        (-30, -26, 58, 22),
        (-29, -33, 38, 13),
    ],
    'vastus lateralis': [
        (31, -18, 150, 32),
        (31, -24, 76, 21),
        (30, -33, 55, 8),
    ],
    'vastus intermedius': [(2, -40, 150, 22), (2, -43, 84, 7)],
    'medial gastrocnemius': [
        (-20, 36, 34, 6),
        (-20, 43, -15, 16),
        (-17, 44, -140, 27),
    ],
    'lateral gastrocnemius': [
        (20, 36, 30, 6),
        (19, 42, -15, 14),
        (17, 44, -140, 26),
    ],
    'popliteus': [(12, 30, -14, 3), (-4, 29, -45, 8), (2, 28, -140, 22)],
    'tibialis anterior': [
        (26, -8, -28, 3),
        (27, -6, -60, 14),
        (28, -6, -140, 20),
    ],
}

_SKIN = 1.3  # mm: thickness of the skin
_SEAM = 0.9  # mm: thickness of the fat between two muscles
_BULGE = 5  # mm: how far muscles extend before they press on each other
_HALF_WIDTH = 46  # mm: no bone is further out


def tissues(anatomy: Anatomy, p: Points) -> Iterator[tuple[str, np.ndarray]]:
    """Compute the signed distance to each tissue of a knee.

    Parameters
    ----------
    anatomy : kneerepro.phantom.anatomy.Anatomy
    p : tuple of 3 arrays
        Points in the coordinates of the knee, in mm.

    Yields
    ------
    name : str
    distance : array
        Signed distance to that tissue, in mm. A point belongs to the last
        tissue that contains it, as if each were painted over those before.
    """
    leg = _leg(p)
    yield 'skin', leg
    yield 'fat', leg + _SKIN
    yield 'vein', _veins(p)
    muscle = _muscles(anatomy, p)
    # It is thicker on the medial side of the knee, as in most people.
    fat = anatomy.subcutaneous_fat_mm * (1 - 0.25 * ramp(p[0], -40, 40))
    yield 'muscle', smooth_intersection(muscle, leg + _SKIN + fat, 4)
    if np.abs(p[0]).min() > _HALF_WIDTH:
        return

    notch = _notch(anatomy, p)
    femur, tibia = _femur(anatomy, p, notch), _tibia(anatomy, p)
    patella, fibula = _patella(anatomy, p), _fibula(p)
    femoral = _layer(femur, anatomy.femoral_cartilage_mm, _on_femur(p, notch))
    tibial = _layer(tibia, anatomy.tibial_cartilage_mm, _on_tibia(anatomy, p))
    patellar = _layer(
        patella, anatomy.patellar_cartilage_mm, _on_patella(anatomy, p)
    )

    yield 'vessel', _vessels(p)
    cruciates = _cruciates(p)
    yield 'synovium', cruciates - 2.5
    yield 'ligament', cruciates
    yield 'tendon', _tendons(anatomy, p)
    fluid, menisci = _joint_space(anatomy, p)
    yield 'fluid', np.minimum(fluid, _effusion(anatomy, p))
    yield 'meniscus', menisci
    yield 'fluid', np.minimum(femoral, patellar) - 0.2
    yield 'cartilage', np.minimum(np.minimum(femoral, tibial), patellar)
    bone = np.minimum(np.minimum(femur, tibia), np.minimum(patella, fibula))
    yield 'cortex', bone
    yield 'marrow', bone + 1.2


def epicondylar_width(anatomy: Anatomy) -> float:
    """The greatest width of the femur, across its epicondyles.

    Parameters
    ----------
    anatomy : kneerepro.phantom.anatomy.Anatomy

    Returns
    -------
    float
        In mm.
    """
    outer = np.arange(28, _HALF_WIDTH, 0.1, 'float32')
    x = np.concatenate([-outer, outer])
    p = np.broadcast_arrays(
        x[:, None, None],
        np.arange(-24, 24, 3, 'float32')[:, None],
        np.arange(10, 40, 3, 'float32'),
    )
    inside = (_femur(anatomy, p, _notch(anatomy, p)) < 0).any(axis=(1, 2))
    return float(np.ptp(x[inside]) * anatomy.size)


def _notch(anatomy, p):
    return ellipsoid(p, (0, 17, 4), (anatomy.notch_width_mm / 2, 25, 25))


def _femur(anatomy, p, notch):
    x, y, z = p
    p = x / anatomy.condyle_width, y / anatomy.condyle_depth, z
    bone = round_cone(p, (0, -11, 62, 14.5), (1, -11, 160, 13))
    bone = smooth_union(bone, ellipsoid(p, (0, -6, 38), (33, 20, 20)), 12)
    for condyle in [
        ellipsoid(p, (-24, 13, 20.5), (14, 19.5, 20.5)),  # medial
        ellipsoid(p, (-22, -6, 24), (17, 26, 24)),
        ellipsoid(p, (24, 12, 20), (13.5, 18.5, 20)),  # lateral
        ellipsoid(p, (22, -7, 24), (16, 26, 24)),
    ]:
        bone = smooth_union(bone, condyle, 6)
    groove = ellipsoid(p, (1, -39, 32), (13, 8, 30))
    return smooth_intersection(
        smooth_intersection(bone, -groove, 7), -notch, 4
    )


def _joint(anatomy):
    """The height of the tibia's surface."""
    return -(anatomy.femoral_cartilage_mm + anatomy.tibial_cartilage_mm + 0.3)


def _tibia(anatomy, p):
    x, y, z = p
    top = _joint(anatomy)
    depth = np.maximum(top - z, 0)
    flare = np.exp(-depth * depth / (2 * 21**2))
    rx = anatomy.tibia_width * (15 + 21.5 * flare)
    ry = 14 + 9.5 * flare
    wall = superellipse(x, y - 1 - 3 * flare, rx, ry)
    # The plateau slopes backwards; its medial half is hollow.
    hollow = 1.5 * np.exp(-((x + 21) ** 2 + (y - 4) ** 2) / (2 * 11**2))
    bone = smooth_intersection(wall, z - top + hollow + 0.04 * (y - 4), 5)
    eminence = ellipsoid(p, (0, 6, top - 6), (8, 10, 12.5))
    tuberosity = ellipsoid(p, (2, -14, top - 36), (11, 9, 20))
    return smooth_union(smooth_union(bone, eminence, 4), tuberosity, 8)


def _fibula(p):
    return smooth_union(
        ellipsoid(p, (34, 21, -24), (9, 10, 11)),
        round_cone(p, (34, 20, -30, 6.5), (30, 14, -150, 6)),
        6,
    )


def _patella(anatomy, p):
    length, height = anatomy.patella_length_mm / 2, anatomy.patella_height_mm
    x, y, z = p
    # Its back has a ridge that fits into the groove.
    back = y + 38.5 + 0.28 * np.abs(x - 1)
    body = ellipsoid(p, (1, -46, height), (22, 12, length))
    return smooth_intersection(body, back, 5)


def _layer(bone, thickness, where):
    """A layer of cartilage on a bone.

    Where `where` is 0 there is no cartilage: the surface of the layer is then
    well inside the bone.
    """
    return bone + 1 - (1 + thickness) * where


def _on_femur(p, notch):
    """1 where the femur carries cartilage, 0 elsewhere."""
    x, y, z = p
    return (
        ramp(notch, 0.5, 4)
        * ramp(-np.abs(x), -35, -30)
        * ramp(38 - 0.25 * y - 0.5 * np.abs(x) - z, -6, 2)
    )


def _on_patella(anatomy, p):
    x, y, z = p
    beyond = np.abs(z - 2 - anatomy.patella_height_mm)
    return (
        ramp(y, -47, -43)
        * ramp(-np.abs(x), -20, -16)
        * ramp(0.42 * anatomy.patella_length_mm - beyond, 0, 5)
    )


def _on_tibia(anatomy, p):
    x, y, z = p
    return (
        ramp(np.abs(x), 7, 10)
        * ramp(z - _joint(anatomy), -4, -2)
        * ramp(-np.hypot(x / 38, (y - 4) / 25), -1, -0.85)
    )


def _joint_space(anatomy, p):
    """The fluid between femur and tibia, and the menisci around it.

    The menisci are rings, open towards the middle. They become wedges because
    the femur is painted over them.
    """
    x, y, z = p
    side, height = np.abs(x), z - _joint(anatomy) + 0.04 * (y - 4)
    radius = np.hypot((side - 20) / 17.5, (y - 4) / 24.5)
    fluid = smooth_intersection(
        (radius - 1) * 19, np.abs(height - 1.2) - 1.2, 1
    )
    ring = smooth_intersection(
        (np.abs(radius - 0.8) - 0.2) * 19, np.abs(height - 3.5) - 4.5, 2
    )
    return (
        smooth_intersection(fluid, 9 - side, 2),
        smooth_intersection(ring, 9 - side, 2),
    )


def _cruciates(p):
    anterior = round_cone(p, (-1, -8, -3, 3.6), (9, 16, 25, 3.6))
    posterior = tube(
        p,
        [(0, 29, -12, 4), (-2, 24, 8, 4.2), (-6, 12, 18, 4.2), (-9, 2, 16, 4)],
    )
    return np.minimum(anterior, posterior)


def _tendons(anatomy, p):
    """Patellar and quadriceps tendon: bands, wider than they are thick."""
    x, y, z = p
    height = anatomy.patella_height_mm
    reach = anatomy.patella_length_mm / 2
    band = x / 3.5, y, z
    patellar = tube(
        band,
        [
            (0, -52, height - reach + 5, 2.6),
            (0.5, -37, -10, 2.4),
            (0.5, -24, -42, 2.6),
        ],
    )
    quadriceps = tube(
        band,
        [
            (0, -53, height + reach - 6, 3.6),
            (0.5, -47, 78, 3.2),
            (0.5, -44, 160, 3),
        ],
    )
    return np.minimum(patellar, quadriceps)


def _effusion(anatomy, p):
    height = anatomy.patella_height_mm
    pouch = ellipsoid(
        p, (4, -35, height + 28), (18, anatomy.effusion_mm / 2 + 0.5, 15)
    )
    recess = ellipsoid(p, (24, -27, 14), (9, anatomy.effusion_mm, 8))
    return np.minimum(pouch, recess)


def _vessels(p):
    """The artery and the vein behind the joint."""
    return np.minimum(
        tube(p, [(-2, 30, 150, 3.2), (-1, 37, 5, 3), (0, 40, -140, 2.4)]),
        tube(p, [(5, 38, 150, 3.6), (5, 43, 5, 3.4), (4, 47, -140, 2.6)]),
    )


def _veins(p):
    """Small veins under the skin."""
    return np.minimum(
        tube(
            p,
            [
                (-52, 34, 150, 1.3),
                (-47, 28, 20, 1.1),
                (-44, 4, -60, 1.1),
                (-40, -8, -140, 1),
            ],
        ),
        tube(p, [(8, 60, 150, 1.4), (3, 52, 5, 1.4), (2, 62, -140, 1.6)]),
    )


def _muscles(anatomy, p):
    """All muscles, with a seam of fat where two of them meet."""
    nearest = second = np.full_like(p[0], 1e3)
    medial, lateral = p[0].min(), p[0].max()
    for points in _MUSCLES.values():
        points = [
            point[:3] + (point[3] * anatomy.muscle_bulk,) for point in points
        ]
        # Most muscles do not reach most slices.
        if (
            max(x + r for x, _, _, r in points) + 2 * _BULGE < medial
            or min(x - r for x, _, _, r in points) - 2 * _BULGE > lateral
        ):
            continue
        distance = tube(p, points)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    return np.maximum(nearest - _BULGE, (nearest - second + _SEAM) / 2)


def _leg(p):
    x, y, z = p
    outline = _OUTLINE(z).astype('float32')
    front, back, half_width = np.moveaxis(outline, -1, 0)
    return ellipsoid(
        (x, y - (front + back) / 2, np.float32(0)),
        (0, 0, 0),
        (half_width, (back - front) / 2, 1),
    )
