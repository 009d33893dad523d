import hashlib
import os
import time

import h5py
import numpy as np

from kneerepro.data.convert import Options, network_grid
from kneerepro.data.dataset import VERSION, Dataset, new_dataset
from kneerepro.data.reading.grid import Grid
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest
from tests.subprocesses import run_python

VOLUMES = np.random.RandomState(1).rand(9, 1, 2, 3, 4).astype('float32')
PATIENTS = list('DDBBCCAAA')
PROVENANCE = {'source': 'tests', 'counts': [1, 2]}


def as_version_3(path):
    """Turn a dataset file into one of the version before; returns its path."""
    with h5py.File(path, 'r+') as file:
        del file.attrs['hash']
    with open(path, 'rb+') as file:
        rest = file.read()[512:]
        block = (
            f'kneerepro volumes\nversion 3\nlength {len(rest)}\n'
            f'sha256 {hashlib.sha256(rest).hexdigest()}\n'
        )
        file.seek(0)
        file.write(block.encode().ljust(512, b'\0'))
    return path


class DatasetTest(FolderTest):
    def make(self, volumes=VOLUMES, name='volumes.h5', **kwargs):
        path = self.path(name)
        with new_dataset(path, volumes.shape[2:], **kwargs) as writer:
            for i, volume in enumerate(volumes):
                writer.append(
                    volume[0],
                    PATIENTS[i],
                    ['LEFT', 'RIGHT', ''][i % 3],
                    i != 4,
                )
            writer.provenance = PROVENANCE
        return path


class RoundTripTest(DatasetTest):
    def test_all_comes_back(self):
        with Dataset(self.make()) as dataset:
            self.assertEqual(dataset.shape, (2, 3, 4))
            np.testing.assert_array_equal(dataset.volumes, VOLUMES)
            np.testing.assert_array_equal(
                dataset.images, VOLUMES.reshape(18, 1, 3, 4)
            )
            self.assertEqual(list(dataset.patient), PATIENTS)
            self.assertEqual(list(dataset.side), ['LEFT', 'RIGHT', ''] * 3)
            self.assertEqual(list(np.flatnonzero(~dataset.certain)), [4])
            self.assertEqual(dataset.provenance, PROVENANCE)
            self.assertRegex(dataset.hash, '^[0-9a-f]{64}$')
            self.assertEqual(list(dataset.images.patient[:4]), list('DDDD'))

    def test_chunk_for_each_volume(self):
        with h5py.File(self.make()) as file:
            volumes = file['volumes']
            self.assertEqual(volumes.chunks, (1, 1, 2, 3, 4))
            self.assertEqual(
                (volumes.compression, volumes.fletcher32), (None, False)
            )

    def test_same_bytes(self):
        first = self.read(self.make())
        time.sleep(1.1)  # HDF5 keeps times in seconds
        self.assertEqual(self.read(self.make(name='again.h5')), first)

    def test_hash(self):
        def hash_of(path):
            with Dataset(path) as dataset:
                return dataset.hash

        changed = VOLUMES.copy()
        changed[3, 0, 1, 1, 1] += 0.001
        hashes = [
            hash_of(self.make()),
            hash_of(self.make()),
            hash_of(self.make(changed)),
            hash_of(self.make(VOLUMES[:8])),
        ]
        self.assertEqual(hashes[0], hashes[1])
        self.assertEqual(len(set(hashes)), 3)

    def test_hdf5_tools_read_it(self):
        with h5py.File(self.make()) as file:
            np.testing.assert_array_equal(file['volumes'], VOLUMES)
            self.assertEqual(file['patient'][0], b'D')

    def test_names_beyond_ascii(self):
        with new_dataset(self.path('v'), (2, 3, 4)) as writer:
            for name in 'Müller', 'Møller':
                writer.append(VOLUMES[0, 0], name)
        with Dataset(self.path('v')) as dataset:
            self.assertEqual(len(set(dataset.patient)), 2)

    def test_long_names(self):
        """Cut off, two people would become one."""
        names = ['1' * 64 + 'a', '1' * 64 + 'b', 'é' * 64, 'short']
        with new_dataset(self.path('v'), (2, 3, 4)) as writer:
            for name in names:
                writer.append(VOLUMES[0, 0], name)
        with Dataset(self.path('v')) as dataset:
            self.assertEqual(
                list(dataset.patient),
                [*names[:2], r'\xe9' * 64, 'short'],
            )

    def test_ordinary_names_take_as_much_room_as_ever(self):
        """So that hashes stay the same."""
        with h5py.File(self.make()) as file:
            self.assertEqual(file['patient'].dtype, 'S64')
            self.assertEqual(file['series'].dtype, 'S64')


class HashTest(DatasetTest):
    FACTS = dict(
        patient='A',
        side='LEFT',
        certain=True,
        grid=None,
        series='1.2',
        frame_of_reference='1.3',
    )
    GRID = Grid((2, 3, 4), (1.0, 2.0, 3.0), np.eye(3).tolist())

    def hash(self, provenance=None, labels=None, volume=VOLUMES[0], **facts):
        with new_dataset(self.path('v'), volume.shape[1:]) as writer:
            for i, patient in enumerate('AB'):
                writer.append(
                    volume[0],
                    **{
                        **self.FACTS,
                        'patient': patient,
                        **(facts if i else {}),
                    },
                )
            writer.provenance = {'options': {'size': 4}, **(provenance or {})}
            writer.labels = labels or {}
        with Dataset(self.path('v')) as dataset:
            return dataset.hash

    def test_how_it_was_made(self):
        before = self.hash()
        for provenance in [
            {'source': 'changed'},
            {'version': '9.9'},
            {'rejected': 7},
        ]:
            self.assertEqual(self.hash(provenance), before)

    def test_all_contents(self):
        changed = VOLUMES[0].copy()
        changed[0, 1, 2, 3] += 1e-6
        hashes = [
            self.hash(),
            self.hash(volume=changed),
            self.hash(volume=VOLUMES[0].reshape(1, 2, 4, 3)),
            self.hash({'options': {'size': 5}}),
            self.hash(patient='A'),
            self.hash(side='RIGHT'),
            self.hash(certain=False),
            self.hash(grid=self.GRID),
            self.hash(series='1.4'),
            self.hash(frame_of_reference='1.4'),
            self.hash(labels={'KL': [1, 2]}),
            self.hash(labels={'KL': [1, 3]}),
            self.hash(labels={'kl': [1, 2]}),
            self.hash(labels={'KL': ['1', '2']}),
        ]
        self.assertEqual(len(set(hashes)), len(hashes))


class VersionThreeTest(DatasetTest):
    def test_opens_with_the_hash_that_it_had(self):
        path = as_version_3(self.make())
        digest = hashlib.sha256(self.read(path)[512:]).hexdigest()
        for verify in True, False:
            with Dataset(path, verify) as dataset:
                self.assertEqual((dataset.version, dataset.hash), (3, digest))
                np.testing.assert_array_equal(dataset.volumes, VOLUMES)
        content = bytearray(self.read(path))
        content[-1] ^= 1
        with self.assertRaisesRegex(UserError, 'damaged'):
            Dataset(self.write('spoilt', bytes(content)))


class GeometryTest(DatasetTest):
    GRID = Grid(
        shape=(20, 6, 8),
        origin=(30.1, -40.2, 1 / 3),
        steps=((-3.0, 0.1, 0.0), (0.0, 0.0, -0.5), (0.0, 0.5, 0.0)),
    )

    def test_comes_back(self):
        path = self.path('v.h5')
        with new_dataset(path, (2, 4, 4)) as writer:
            volume = np.zeros((2, 4, 4))
            writer.append(
                volume,
                'A',
                grid=self.GRID,
                series='1.2.3',
                frame_of_reference='1.2.4',
            )
            writer.append(volume, 'B')
        with Dataset(path) as dataset:
            self.assertEqual(dataset.originals, [self.GRID, None])
            self.assertEqual(repr(dataset.originals[0]), repr(self.GRID))
            self.assertEqual(list(dataset.series), ['1.2.3', ''])
            self.assertEqual(list(dataset.frame_of_reference), ['1.2.4', ''])
            self.assertEqual(
                dataset.grids,
                [network_grid(self.GRID, Options(depth=2, size=4)), None],
            )
            self.assertEqual(dataset.labels, {})

    def test_uid_that_is_none(self):
        """It may be anything, such as a name."""
        with new_dataset(self.path('v.h5'), (2, 3, 4)) as writer:
            writer.append(
                VOLUMES[0, 0], 'A', series='Jane', frame_of_reference='1\n2'
            )
        self.assertNotIn(b'Jane', self.read('v.h5'))
        with Dataset(self.path('v.h5')) as dataset:
            self.assertEqual(
                (dataset.series[0], dataset.frame_of_reference[0]), ('', '')
            )


class LabelsTest(DatasetTest):
    LABELS = {
        'V00XRKL': [3, 0, float('nan')],
        'site / scanner': ['Köln', '', 'A'],
        'whole': np.array([1, 2, 3]),
        'empty': ['', '', ''],
    }

    def make_labelled(self, name='v.h5'):
        path = self.path(name)
        with new_dataset(path, (2, 3, 4)) as writer:
            for volume in VOLUMES[:3]:
                writer.append(volume[0], 'A')
            writer.labels = self.LABELS
        return path

    def test_come_back(self):
        with Dataset(self.make_labelled()) as dataset:
            self.assertEqual(list(dataset.labels), list(self.LABELS))
            for name, values in self.LABELS.items():
                np.testing.assert_array_equal(dataset.labels[name], values)
            kinds = [values.dtype.kind for values in dataset.labels.values()]
            self.assertEqual(kinds, list('fUfU'))

    def test_same_bytes(self):
        first = self.read(self.make_labelled())
        time.sleep(1.1)
        self.assertEqual(self.read(self.make_labelled('again.h5')), first)

    def test_wrong_number(self):
        with (
            self.assertRaisesRegex(ValueError, '1 labels for 2 volumes'),
            new_dataset(self.path('v.h5'), (2, 3, 4)) as writer,
        ):
            for volume in VOLUMES[:2]:
                writer.append(volume[0], 'A')
            writer.labels = {'side': ['LEFT']}


class WritingTest(DatasetTest):
    def test_fails_as_a_whole(self):
        path = self.make(VOLUMES[:2])
        before = self.read(path)
        for temporary in None, self.path('temporary'):
            with (
                self.assertRaises(ZeroDivisionError),
                new_dataset(path, (2, 3, 4), temporary) as writer,
            ):
                writer.append(VOLUMES[0, 0], 'A')
                1 / 0
            self.assertEqual(os.listdir(self.folder), ['volumes.h5'])
            self.assertEqual(self.read(path), before)

    def test_temporary_name(self):
        path, temporary = self.path('v.h5'), self.write('rest', b'of a run')
        with new_dataset(path, (2, 3, 4), temporary) as writer:
            writer.append(VOLUMES[0, 0], 'A')
            self.assertEqual(os.listdir(self.folder), ['rest'])
        self.assertEqual(os.listdir(self.folder), ['v.h5'])

    def test_needs_no_dicom(self):
        """Whoever trains on a dataset does not wait for its libraries."""
        done = run_python(
            'import sys, kneerepro.data.dataset\n'
            "sys.exit('pydicom' in sys.modules)"
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_full_disk(self):
        # In its own process, because HDF5 would crash this one at its exit.
        done = run_python(
            """
import os, resource, signal, sys
import numpy as np
from kneerepro.data.dataset import new_dataset
from kneerepro.utils.errors import UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    with new_dataset(sys.argv[1], (2, 30, 40)) as writer:
        writer.append(np.ones((2, 30, 40)), 'A')
except UserError as error:
    print(error, flush=True)
os._exit(0)
""",
            arguments=[self.path('volumes.h5')],
        )
        self.assertRegex(
            done.stdout,
            '^cannot write .*volumes.h5: File too large\n$',
            done.stderr,
        )
        self.assertEqual(os.listdir(self.folder), [])


class RefusalTest(DatasetTest):
    def assert_refused(self, path, pattern, **kwargs):
        with self.assertRaisesRegex(UserError, pattern) as caught:
            Dataset(path, **kwargs)
        self.assertTrue(str(caught.exception).startswith(path))

    def test_no_dataset(self):
        for content in b'', b'text', bytes(5000):
            self.assert_refused(
                self.write('file', content), 'is not a dataset of this package'
            )
        path = self.path('other.h5')
        with h5py.File(path, 'w') as file:
            file['volumes'] = VOLUMES
        self.assert_refused(path, 'is not a dataset of this package')
        with h5py.File(path, 'w', userblock_size=512) as file:
            file['volumes'] = VOLUMES
        self.assert_refused(path, 'is not a dataset of this package')

    def test_unreadable(self):
        self.assert_refused(self.path('nowhere'), 'No such file')
        self.assert_refused(self.folder, 'Is a directory')

    def test_other_version(self):
        content = self.read(self.make())
        self.assertIn(b'version 4\n', content)
        for version in b'1', b'5':
            self.assert_refused(
                self.write(
                    'other',
                    content.replace(
                        b'version 4\n', b'version %s\n' % version, 1
                    ),
                ),
                f'version {version.decode()}.*reads 2 to 4',
            )
        self.assertEqual(VERSION, 4)

    def test_truncated(self):
        content = self.read(self.make())
        for length in range(512, len(content), 97):
            for verify in True, False:
                self.assert_refused(
                    self.write('cut', content[:length]),
                    'bytes instead of',
                    verify=verify,
                )
        self.assert_refused(
            self.write('cut', content + b'0'), 'bytes instead of'
        )

    def test_any_byte(self):
        content = bytearray(self.read(self.make()))
        end = content.index(b'\0')  # of what the block says
        for place in [*range(0, end, 7), *range(512, len(content), 41)]:
            spoilt = content.copy()
            spoilt[place] ^= 0x15
            self.assert_refused(
                self.write('spoilt', bytes(spoilt)),
                'damaged|not a dataset|version',
            )
