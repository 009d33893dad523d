"""Signed distances to simple bodies, in mm and negative inside.

Points are tuples of three arrays that broadcast. The distances are used near
the surface, where they are exact or correct to first order. The formulas are
from https://iquilezles.org/articles/distfunctions/.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Coordinates of points: three arrays that broadcast.
Points = Sequence[np.ndarray]

#: A sphere: the coordinates of its centre, and its radius.
Sphere = tuple[float, float, float, float]


def ellipsoid(
    p: Points, centre: Sequence[float], radii: Sequence[float]
) -> np.ndarray:
    """Signed distance to an ellipsoid with its axes along the coordinates.

    Parameters
    ----------
    p : tuple of 3 arrays
        Points, in mm.
    centre, radii : sequence of 3 floats
        In mm.
    """
    scaled = [(q - c) / r for q, c, r in zip(p, centre, radii)]
    k0 = _norm(scaled)
    k1 = _norm([s / r for s, r in zip(scaled, radii)])
    # Both norms vanish at the centre.
    return (k0 - 1) * (k0 + 1e-5) / (k1 + 1e-6)


def superellipse(
    x: np.ndarray, y: np.ndarray, rx: np.ndarray, ry: np.ndarray
) -> np.ndarray:
    """Signed distance to a cylinder with a superellipse as its section.

    Its equation is ``(x / rx)**4 + (y / ry)**4 = 1``: a shape between an
    ellipse and a box.

    Parameters
    ----------
    x, y : array
        Points, in mm. The axis of the cylinder is at the origin.
    rx, ry : array
        Half the widths of the section, in mm.
    """
    u, v = x / rx, y / ry
    u3, v3 = u * u * u, v * v * v
    k0 = np.sqrt(np.sqrt(u * u3 + v * v3))
    gradient = np.sqrt((u3 / rx) ** 2 + (v3 / ry) ** 2)
    return (k0 - 1) * (k0**3 + 1e-8) / (gradient + 1e-9)


def round_cone(p: Points, a: Sphere, b: Sphere) -> np.ndarray:
    """Signed distance to a cone between two spheres, with round ends.

    Parameters
    ----------
    p : tuple of 3 arrays
        Points, in mm.
    a, b : tuple of 4 floats
        Centre and radius of each sphere, in mm.
    """
    x, y, z = [q - u for q, u in zip(p, a)]
    bx, by, bz = [v - u for u, v in zip(a[:3], b)]
    square = bx * bx + by * by + bz * bz
    t = bx / square * x + by / square * y + bz / square * z
    t = np.minimum(np.maximum(t, 0), 1)
    return _norm([x - t * bx, y - t * by, z - t * bz]) - (
        a[3] + t * (b[3] - a[3])
    )


def tube(p: Points, spheres: Sequence[Sphere]) -> np.ndarray:
    """Signed distance to a chain of cones through spheres.

    Parameters
    ----------
    p : tuple of 3 arrays
        Points, in mm.
    spheres : sequence of tuple of 4 floats
        As in :func:`round_cone`; at least two.
    """
    distance = round_cone(p, *spheres[:2])
    for a, b in zip(spheres[1:], spheres[2:]):
        distance = np.minimum(distance, round_cone(p, a, b))
    return distance


def smooth_union(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """Unite two bodies, with a fillet of this radius where they meet.

    Parameters
    ----------
    a, b : array
        Signed distances to the two.
    radius : float
        In mm.
    """
    fillet = np.maximum(radius - np.abs(a - b), 0)
    return np.minimum(a, b) - fillet * fillet / (4 * radius)


def smooth_intersection(
    a: np.ndarray, b: np.ndarray, radius: float
) -> np.ndarray:
    """Intersect two bodies, with the edge rounded.

    Parameters
    ----------
    a, b : array
        Signed distances to the two.
    radius : float
        In mm.
    """
    return -smooth_union(-a, -b, radius)


def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """Rise from 0 at `start` to 1 at `end`, linearly; constant beyond."""
    return np.minimum(np.maximum((value - start) / (end - start), 0), 1)


def _norm(components):
    x, y, z = components
    return np.sqrt(x * x + y * y + z * z)
