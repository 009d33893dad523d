"""Tell the left knee from the right one."""

from __future__ import annotations

import re

# A slab whose centre is nearer than this to the middle of the scanner, in mm,
# may be a knee of either side that was moved there.
_MIDDLE = 30


def side_in_words(text: str) -> str:
    """The side that a description or the name of a file mentions.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        'LEFT' or 'RIGHT'; '' if neither or both are among its words.
    """
    words = re.findall('[A-Z]+', text.upper())
    named = [side for side in ('LEFT', 'RIGHT') if side in words]
    return named[0] if len(named) == 1 else ''


def side_at(x: float) -> str:
    """The side on which a slab lies.

    Parameters
    ----------
    x : float
        Of the slab's centre in DICOM's patient coordinates, in mm: the left
        knee is on the patient's left, where x is positive.

    Returns
    -------
    str
        'LEFT', 'RIGHT' or, near the middle, ''.
    """
    if abs(x) < _MIDDLE:
        return ''
    return 'LEFT' if x > 0 else 'RIGHT'
