import os
import stat
from unittest import mock

from kneerepro.data.reading.identity import (
    Identity,
    default_key_file,
    identify,
    keyed_hash,
    load_key,
)
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class IdentifyTest(FolderTest):
    def test_patient_id(self):
        first, second, other = identify(
            [('P', '9.1', '1'), ('P', '9.2', '2'), ('Q', '9.3', '3')]
        )
        self.assertEqual(first, Identity('P', True, []))
        self.assertEqual(second, first)
        self.assertEqual(other.patient, 'Q')

    def test_frame_of_reference(self):
        first, second, other = identify(
            [('', '9.1', '1'), ('', '9.1', '2'), ('', '9.2', '3')]
        )
        self.assertEqual(first, Identity('9.1', False, ['PATIENT_FROM_FRAME']))
        self.assertEqual(second, first)
        self.assertEqual(other.patient, '9.2')

    def test_patient_id_of_another_series(self):
        """A series without its PatientID is not a second person."""
        named, nameless = identify([('P', '9.1', '1'), ('', '9.1', '2')])
        self.assertEqual(nameless, named)

    def test_nothing(self):
        first, second = identify([('', '', '1'), ('', '', '2')])
        self.assertEqual(first, Identity('1', False, ['PATIENT_UNKNOWN']))
        self.assertEqual(second.patient, '2')
        # Series without a frame do not share one.
        named, nameless = identify([('P', '', '1'), ('', '', '2')])
        self.assertEqual(nameless.patient, '2')
        self.assertEqual(named, Identity('P', True, []))

    def test_patients_share_a_frame(self):
        p, q, nameless = identify(
            [('P', '9.1', '1'), ('Q', '9.1', '2'), ('', '9.1', '3')]
        )
        self.assertEqual(p, Identity('P', True, ['PATIENTS_SHARE_FRAME']))
        self.assertEqual(q.patient, 'Q')
        self.assertEqual(nameless.patient, '9.1')


class HashTest(FolderTest):
    def test_depends_on_both(self):
        hashes = {
            keyed_hash(key, patient)
            for key in (b'k' * 16, b'l' * 16)
            for patient in ('9000099', '9000296')
        }
        self.assertEqual(len(hashes), 4)
        for name in hashes:
            self.assertRegex(name, '^[0-9a-f]{32}$')


class KeyTest(FolderTest):
    def test_made_once(self):
        path = self.path('new', 'key')
        key = load_key(path)
        self.assertGreaterEqual(len(key), 32)
        self.assertEqual(load_key(path), key)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertNotEqual(load_key(self.path('other')), key)

    def test_of_the_user(self):
        key = load_key(self.write('key', b'0123456789abcdef\n'))
        self.assertEqual(key, b'0123456789abcdef')

    def test_too_short(self):
        for content in '', 'secret':
            with self.assertRaisesRegex(UserError, 'at least 16'):
                load_key(self.write('key', content))

    def test_unreadable(self):
        with self.assertRaisesRegex(UserError, 'key'):
            load_key(self.folder)
        self.write('file')
        with self.assertRaisesRegex(UserError, 'key'):
            load_key(self.path('file', 'key'))

    def test_advice_is_what_the_command_has(self):
        self.write('file')
        for path, advice in [
            (self.path('file', 'key'), 'name another with --key-file$'),
            (None, 'set XDG_CONFIG_HOME to a folder of your own$'),
        ]:
            with (
                mock.patch.dict(os.environ, XDG_CONFIG_HOME=self.path('file')),
                self.assertRaisesRegex(
                    UserError,
                    'cannot read or write the key file .*key: [A-Z].*; '
                    + advice,
                ),
            ):
                load_key(path)

    def test_no_home(self):
        """Nothing is written to a folder of the name ~."""
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        with (
            mock.patch.dict(os.environ, XDG_CONFIG_HOME=''),
            mock.patch('os.path.expanduser', lambda path: path),
        ):
            for path, advice in [
                (None, 'set XDG_CONFIG_HOME'),
                (default_key_file(), 'name another with --key-file'),
            ]:
                with self.assertRaisesRegex(
                    UserError, f'there is none; {advice}'
                ):
                    load_key(path)
        self.assertEqual(os.listdir(self.folder), [])

    def test_any_name(self):
        for name in ['new\nline', '"q\' %s#', '-x', os.fsdecode(b'\xff')]:
            key = load_key(self.path(name, name))
            self.assertEqual(load_key(self.path(name, name)), key)

    def test_default(self):
        with mock.patch.dict(os.environ, XDG_CONFIG_HOME='/my/own'):
            self.assertEqual(
                default_key_file(), '/my/own/kneerepro/patient.key'
            )
        home = os.path.expanduser('~/.config/kneerepro/patient.key')
        for folder in '', 'relative':
            with mock.patch.dict(os.environ, XDG_CONFIG_HOME=folder):
                self.assertEqual(default_key_file(), home)
