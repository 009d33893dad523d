"""Judge whether a file can hold what its header declares."""

from __future__ import annotations

# Files may be compressed, but hardly to less than a thousandth; and an image
# of so many bytes is harmless anyway.
_MAX_COMPRESSION = 1000
_ALWAYS_PLAUSIBLE = 64 * 2**20


def is_plausible(size: float, available: int) -> bool:
    """Whether a file can hold an image, if need be compressed.

    Parameters
    ----------
    size : float
        Of the image, in bytes, as a header declares it.
    available : int
        Bytes of the file.
    """
    return size <= max(_ALWAYS_PLAUSIBLE, _MAX_COMPRESSION * available)
