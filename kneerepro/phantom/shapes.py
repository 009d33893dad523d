"""Signed distances of simple bodies, in mm and negative inside.

Points are tuples of three arrays that broadcast. The distances are exact or
right to first order near the surface, which is where they are used. The
formulas are from https://iquilezles.org/articles/distfunctions/.
"""

import numpy as np


def ellipsoid(p, centre, radii):
    scaled = [(q - c) / r for q, c, r in zip(p, centre, radii)]
    k0 = _norm(scaled)
    k1 = _norm([s / r for s, r in zip(scaled, radii)])
    # At the very centre both vanish.
    return (k0 - 1) * (k0 + 1e-5) / (k1 + 1e-6)


def oval(x, y, rx, ry):
    """A cylinder whose section lies between an ellipse and a box: the
    exponent of its equation is 4.
    """
    u, v = x / rx, y / ry
    u3, v3 = u * u * u, v * v * v
    k0 = np.sqrt(np.sqrt(u * u3 + v * v3))
    gradient = np.sqrt((u3 / rx) ** 2 + (v3 / ry) ** 2)
    return (k0 - 1) * (k0**3 + 1e-8) / (gradient + 1e-9)


def cone(p, a, b):
    """A segment from `a` to `b`, each (x, y, z, radius), with round ends."""
    x, y, z = [q - u for q, u in zip(p, a)]
    bx, by, bz = [v - u for u, v in zip(a[:3], b)]
    square = bx * bx + by * by + bz * bz
    t = bx / square * x + by / square * y + bz / square * z
    t = np.minimum(np.maximum(t, 0), 1)
    return _norm([x - t * bx, y - t * by, z - t * bz]) - (
        a[3] + t * (b[3] - a[3])
    )


def path(p, points):
    """Cones along a polyline of (x, y, z, radius)."""
    distance = cone(p, *points[:2])
    for a, b in zip(points[1:], points[2:]):
        distance = np.minimum(distance, cone(p, a, b))
    return distance


def union(a, b, radius):
    """Both, with a fillet of this radius where they meet."""
    fillet = np.maximum(radius - np.abs(a - b), 0)
    return np.minimum(a, b) - fillet * fillet / (4 * radius)


def intersection(a, b, radius):
    """What both have in common, its edge rounded."""
    return -union(-a, -b, radius)


def ramp(value, start, end):
    """0 before `start`, 1 after `end`, linear between them."""
    return np.minimum(np.maximum((value - start) / (end - start), 0), 1)


def _norm(components):
    x, y, z = components
    return np.sqrt(x * x + y * y + z * z)
