"""Who a series is of, without saying so."""

import hashlib
import hmac
import os
import secrets
from collections import defaultdict, namedtuple

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing
from kneerepro.utils.locks import exclusive

Identity = namedtuple('Identity', 'patient certain notes')
Identity.__doc__ = """Whose a series is.

Attributes
----------
patient : str
    Equal for series of one person; in plain text, see :func:`keyed_hash`.
certain : bool
    Whether that rests on a PatientID.
notes : list of str
    Codes of :data:`kneerepro.data.reading.defects.NOTES`.
"""


def identify(series):
    """Tell whose each series is.

    By PatientID; where that is absent, by FrameOfReferenceUID, which all
    series of one examination share, so that two visits of one person count as
    two people; and by the series alone where that is absent too.

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
        notes = []
        if len(patients[frame]) > 1 and frame:
            notes.append('PATIENTS_SHARE_FRAME')
        if patient:
            identities.append(Identity(patient, True, notes))
        elif len(patients[frame]) == 1 and frame:
            # Another series of the examination still has it.
            identities.append(Identity(min(patients[frame]), True, notes))
        elif frame:
            identities.append(
                Identity(frame, False, notes + ['PATIENT_FROM_FRAME'])
            )
        else:
            identities.append(Identity(uid, False, ['PATIENT_UNKNOWN']))
    return identities


def keyed_hash(key, patient):
    """A name for a patient that tells nothing to those without the key.

    Without one, the hashes of all numbers that the OAI gives its participants
    would be computed within seconds.

    Parameters
    ----------
    key : bytes
    patient : str

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return hmac.new(key, patient.encode(), hashlib.sha256).hexdigest()[:32]


def default_key_file():
    """Where the user's key lies unless said otherwise."""
    folder = os.environ.get('XDG_CONFIG_HOME') or os.path.join(
        os.path.expanduser('~'), '.config'
    )
    return os.path.join(folder, 'kneerepro', 'patient.key')


def load_key(path=None):
    """The key of the patients' hashes; made by chance where there is none.

    Parameters
    ----------
    path : str, optional
        See :func:`default_key_file`. Datasets whose patients are to be
        compared need the same key.

    Returns
    -------
    bytes

    Raises
    ------
    UserError
        If it cannot be read or written, or is shorter than 16 bytes.
    """
    path = path or default_key_file()
    try:
        if not os.path.exists(path):
            _make_key(path)
        with open(path, 'rb') as file:
            key = file.read(4096).strip()
    except OSError as error:
        raise UserError(
            f'cannot read the key file {path}: {reason(error)}; '
            'name another with --key-file'
        ) from None
    if len(key) < 16:
        raise UserError(
            f'the key file {path} holds {len(key)} bytes; a key '
            'has at least 16'
        )
    return key


def _make_key(path):
    lock = os.path.abspath(path) + '.lock'
    with exclusive(lock, path):
        # Another process may just have made it.
        if not os.path.exists(path):
            with replacing(path) as temporary:
                with open(temporary, 'w') as file:
                    file.write(secrets.token_hex(32) + '\n')
            os.chmod(path, 0o600)
        os.remove(lock)
