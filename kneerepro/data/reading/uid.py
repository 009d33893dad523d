"""The form of DICOM's unique identifiers."""

from __future__ import annotations

import re

_UID = re.compile('[0-9.]{1,64}')


def is_uid(text: str) -> bool:
    """Whether a text has the form of a UID."""
    return bool(_UID.fullmatch(text))
