"""Tell which series belong to one person, without saying who that is."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import secrets
from collections import defaultdict
from dataclasses import dataclass

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing
from kneerepro.utils.locks import exclusive
from kneerepro.utils.text import as_bytes

_MIN_KEY = 16  # bytes


@dataclass(frozen=True)
class Identity:
    """The person whom a series shows.

    Attributes
    ----------
    patient : str
        Equal for series of one person. In plain text: see
        :func:`keyed_hash`.
    certain : bool
        Whether that rests on a PatientID.
    notes : list of str
        Codes of :data:`kneerepro.data.reading.defects.NOTES`.
    """

    patient: str
    certain: bool
    notes: list[str]


def identify(series: list[tuple[str, str, str]]) -> list[Identity]:
    """Tell which series show the same person.

    PatientID decides. Without it, FrameOfReferenceUID does, which all series
    of one examination share; two visits of one person then count as two
    people. Without both, every series counts as a person of its own.

    Parameters
    ----------
    series : list of (str, str, str)
        PatientID, FrameOfReferenceUID and SeriesInstanceUID of each.

    Returns
    -------
    list of Identity
    """
    patients = defaultdict(set)
    for patient, frame, _ in series:
        if patient and frame:
            patients[frame].add(patient)
    identities = []
    for patient, frame, uid in series:
        sharing = patients[frame] if frame else set()
        notes = ['PATIENTS_SHARE_FRAME'] if len(sharing) > 1 else []
        if patient:
            identity = Identity(patient, certain=True, notes=notes)
        elif len(sharing) == 1:
            # Another series of the examination still has the PatientID.
            identity = Identity(min(sharing), certain=True, notes=notes)
        elif frame:
            notes = notes + ['PATIENT_FROM_FRAME']
            identity = Identity(frame, certain=False, notes=notes)
        else:
            identity = Identity(uid, certain=False, notes=['PATIENT_UNKNOWN'])
        identities.append(identity)
    return identities


def keyed_hash(key: bytes, patient: str) -> str:
    """A name for a patient that says nothing to those without the key.

    Without a key, anyone could hash all numbers that the OAI gives its
    participants within seconds.

    Parameters
    ----------
    key : bytes
    patient : str

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return hmac.new(key, as_bytes(patient), hashlib.sha256).hexdigest()[:32]


def default_key_file() -> str:
    """The path of the user's key, unless another is given.

    It begins with ``~`` if the user has no home folder.
    """
    folder = os.environ.get('XDG_CONFIG_HOME', '')
    # By its specification, a relative path is to be ignored.
    if not os.path.isabs(folder):
        folder = os.path.join(os.path.expanduser('~'), '.config')
    return os.path.join(folder, 'kneerepro', 'patient.key')


def add_key_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--key-file`` to a script's parser."""
    parser.add_argument(
        '--key-file',
        metavar='FILE',
        default=default_key_file(),
        help="secret key for the patients' hashes, generated if missing",
    )


def load_key(path: str | None = None) -> bytes:
    """Load the key for the patients' hashes; generate it if there is none.

    Parameters
    ----------
    path : str, optional
        From :func:`add_key_file`; by default :func:`default_key_file`.
        Datasets whose patients are to be compared need the same key.

    Returns
    -------
    bytes

    Raises
    ------
    UserError
        If it cannot be read or written, or is shorter than 16 bytes.
    """
    advice = 'name another with --key-file'
    if path is None:
        advice = 'set XDG_CONFIG_HOME to a folder of your own'
        path = default_key_file()
    if path.startswith('~' + os.sep) and path == default_key_file():
        raise UserError(
            "the key for the patients' hashes is kept in the home folder, and "
            f'there is none; {advice}'
        )
    try:
        if not os.path.exists(path):
            _make_key(path)
        with open(path, 'rb') as file:
            key = file.read(4096).strip()
    except OSError as error:
        raise UserError(
            f'cannot read or write the key file {path}: {reason(error)}; '
            f'{advice}'
        ) from None
    if len(key) < _MIN_KEY:
        raise UserError(
            f'the key file {path} holds {len(key)} bytes, but a key needs at '
            f'least {_MIN_KEY}: write a longer one'
        )
    return key


def _make_key(path):
    lock = os.path.abspath(path) + '.lock'
    with exclusive(lock, path):
        # Another process may have made it in the meantime.
        if not os.path.exists(path):
            with replacing(path) as temporary, open(temporary, 'w') as file:
                file.write(secrets.token_hex(32) + '\n')
            os.chmod(path, 0o600)
        os.remove(lock)
