import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from collections import defaultdict
from dataclasses import asdict
from unittest import mock

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.decisions import Summary
from kneerepro.data.prepare import Settings, prepare
from kneerepro.data.reading.files import walk_files
from kneerepro.data.reading.pixels import read_slices
from kneerepro.data.reading.series import Series
from kneerepro.phantom import imaging, knee_volume, write_patients, writer
from kneerepro.phantom.anatomy import sample_anatomy
from kneerepro.utils.errors import UserError
from tests.data.series import read_file
from tests.phantom.common import upright

SCRIPT = os.path.join(
    os.path.dirname(__file__), os.pardir, os.pardir, 'data', 'make_phantom.py'
)


def contents(folder):
    """Bytes of all files, by path."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, 'rb') as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def read_rows(folder):
    with open(os.path.join(folder, 'ground_truth.csv')) as file:
        return list(csv.DictReader(file))


class WriterTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = os.path.join(self.folder, 'out')

    def write(self, patients=2, matrix=16, slices=4, **kwargs):
        write_patients(
            self.out, patients, matrix=matrix, slices=slices, **kwargs
        )

    def series(self):
        members = defaultdict(list)
        for file in walk_files([self.out]):
            if os.path.basename(file.path).isdigit():
                (image,) = read_file(file.path)
                members[image.header.series].append(image)
        return [Series(uid, '', slices) for uid, slices in members.items()]


class WritePatientsTest(WriterTest):
    def test_layout(self):
        self.write(slices=11)
        files = sorted(
            path
            for path in contents(self.out)
            if os.path.basename(path) != '.lock'
        )
        self.assertEqual(files.pop(), 'ground_truth.csv')
        self.assertEqual(len(files), 22)
        for path in files:
            self.assertRegex(
                path.replace(os.sep, '/'),
                r'^0\.E\.1/\d{7}/200[456]\d{4}/\d{8}/0\d\d$',
            )
        self.assertEqual(len({path.split(os.sep)[1] for path in files}), 2)
        names = [os.path.basename(path) for path in files[:11]]
        self.assertEqual(names, [f'{i:03d}' for i in range(1, 12)])

    def test_same_bytes_whatever_the_number_of_patients(self):
        self.write(1, seed=5)
        single = contents(self.out)
        self.out += '2'
        self.write(3, seed=5)
        three = contents(self.out)
        self.assertEqual(len([p for p in single if p in three]), 4 + 2)
        for path in single:
            if path != 'ground_truth.csv':
                self.assertEqual(single[path], three[path], path)
        self.assertTrue(
            three['ground_truth.csv'].startswith(single['ground_truth.csv'])
        )

    def test_seeds_share_no_patient(self):
        self.write(2, seed=0)
        self.write(2, seed=1)
        series = self.series()
        self.assertEqual(len({knee.header.patient for knee in series}), 4)
        self.assertEqual(len({knee.uid for knee in series}), 4)

    def test_volume_as_rendered(self):
        self.write(matrix=24, slices=12, seed=2)
        series = self.series()
        self.assertEqual(len(series), 2)
        uids = {
            row['series_uid']: i for i, row in enumerate(read_rows(self.out))
        }
        for knee in series:
            np.testing.assert_array_equal(
                [image for image, _, _ in read_slices(knee.slices)],
                knee_volume(2, uids[knee.uid], 24, 12),
            )

    def test_prepare(self):
        self.write(3, matrix=16, slices=20)
        path = os.path.join(self.folder, 'volumes.h5')
        summary = prepare(
            [self.out],
            path,
            Settings(key=b'tests', options=Options(depth=20, size=16)),
        )
        self.assertEqual(summary, Summary(3, 0, 0, {}))
        with Dataset(path) as dataset:
            self.assertEqual(dataset.volumes.shape, (3, 1, 20, 16, 16))

    def test_ground_truth(self):
        self.write(3, seed=4)
        rows = read_rows(self.out)
        self.assertEqual(len(rows), 3)
        series = {knee.uid: knee for knee in self.series()}
        for patient, row in enumerate(rows):
            header = series[row['series_uid']].header
            self.assertEqual(header.patient, row['participant'])
            self.assertEqual(header.description, 'SAG_3D_DESS_' + row['side'])
            anatomy = sample_anatomy(4, patient)
            for name, value in asdict(anatomy).items():
                self.assertEqual(type(value)(row[name]), value)

    def test_progress(self):
        calls = []
        for _ in range(2):  # the second time there is nothing to write
            self.write(2, progress=lambda *call: calls.append(call))
        self.assertEqual(calls, [(0, 2), (1, 2), (2, 2), (2, 2)])

    def test_bad_arguments(self):
        for name, value in [
            ('patients', 0),
            ('matrix', 15),
            ('slices', 0),
            ('seed', -1),
        ]:
            with self.assertRaisesRegex(UserError, f'{name} is {value}'):
                self.write(**{name: value})
        self.assertFalse(os.path.exists(self.out))

    def test_file_in_the_way(self):
        with open(self.out, 'w'):
            pass
        with self.assertRaises(OSError):
            self.write()


class InterruptionTest(WriterTest):
    def interrupt(self, error):
        save, calls = writer.save, []

        def failing(*args):
            calls.append(args)
            if len(calls) == 7:  # in the middle of the second patient
                raise error
            save(*args)

        with (
            mock.patch.object(writer, 'save', failing),
            self.assertRaises(type(error)),
        ):
            self.write(3)

    def test_no_half_patient(self):
        for error in OSError('disk full'), KeyboardInterrupt():
            self.interrupt(error)
            (series,) = self.series()
            self.assertEqual(len(series.paths()), 4)
            self.assertEqual(len(contents(self.out)), 4 + 1)
            shutil.rmtree(self.out)

    def test_next_call_completes(self):
        self.interrupt(OSError('disk full'))
        done = {
            path: os.stat(os.path.join(self.out, path)).st_mtime_ns
            for path in contents(self.out)
        }
        with mock.patch.object(
            writer, 'knee_volume', side_effect=knee_volume
        ) as render:
            self.write(3)
            self.assertEqual(
                [call[0][1] for call in render.call_args_list], [1, 2]
            )
            self.write(3)
            self.assertEqual(render.call_count, 2)
        for path, time in done.items():
            self.assertEqual(
                os.stat(os.path.join(self.out, path)).st_mtime_ns, time
            )
        interrupted = contents(self.out)
        shutil.rmtree(self.out)
        self.write(3)
        self.assertEqual(contents(self.out), interrupted)

    def test_left_by_a_killed_process(self):
        for name in '.unfinished', '.unfinished-1':
            os.makedirs(os.path.join(self.out, name))
            with open(os.path.join(self.out, name, '009'), 'w'):
                pass
        self.write(1)
        self.assertEqual(
            sorted(os.listdir(self.out)),
            ['.lock', '0.E.1', 'ground_truth.csv'],
        )

    def test_any_number_of_workers(self):
        self.write(4)
        expected = contents(self.out)
        shutil.rmtree(self.out)
        counts = []
        write_patients(self.out, 3, matrix=16, slices=4, workers=2)
        write_patients(
            self.out,
            4,
            matrix=16,
            slices=4,
            workers=2,
            progress=lambda *done: counts.append(done),
        )
        self.assertEqual(counts, [(3, 4), (4, 4)])
        self.assertEqual(contents(self.out), expected)

    def test_error_in_a_worker(self):
        os.makedirs(self.out)
        with open(os.path.join(self.out, '0.E.1'), 'w'):
            pass
        with self.assertRaises(OSError):
            write_patients(self.out, 2, matrix=16, slices=4, workers=2)
        self.assertEqual(sorted(os.listdir(self.out)), ['.lock', '0.E.1'])

    def test_nothing_changes_when_all_is_there(self):
        self.write()
        path = os.path.join(self.out, 'ground_truth.csv')
        os.utime(path, (1, 1))
        self.write()
        self.assertEqual(os.stat(path).st_mtime, 1)

    def test_others_wait(self):
        os.makedirs(self.out)
        thread = threading.Thread(target=self.write)
        output = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            writer.exclusive(os.path.join(self.out, '.lock'), ''),
        ):
            thread.start()
            thread.join(0.5)
            self.assertTrue(thread.is_alive())
            self.assertEqual(os.listdir(self.out), ['.lock'])
        thread.join(30)
        self.assertEqual(
            output.getvalue(),
            'waiting for another process to finish writing '
            f'synthetic knees in {self.out}\n',
        )
        self.assertEqual(len(self.series()), 2)


class HeaderTest(WriterTest):
    def images(self, **kwargs):
        self.write(1, **kwargs)
        (series,) = self.series()
        return [pydicom.dcmread(path) for path in series.paths()]

    def test_valid(self):
        modes = pydicom.config.settings
        with mock.patch.object(
            modes, '_reading_validation_mode', pydicom.config.RAISE
        ):
            for i, image in enumerate(self.images()):
                list(image.iterall())  # every value is checked as it is read
                meta = image.file_meta
                self.assertEqual(
                    meta.TransferSyntaxUID, ExplicitVRLittleEndian
                )
                self.assertEqual(meta.MediaStorageSOPClassUID, MRImageStorage)
                self.assertEqual(image.SOPClassUID, MRImageStorage)
                self.assertEqual(
                    meta.MediaStorageSOPInstanceUID, image.SOPInstanceUID
                )
                self.assertEqual(image.InstanceNumber, i + 1)
                self.assertEqual(image.BitsStored, 12)

    def test_mandatory_attributes(self):
        image = self.images()[0]
        for name in [
            'PatientName',
            'PatientID',
            'StudyInstanceUID',
            'StudyDate',
            'SeriesInstanceUID',
            'SeriesNumber',
            'FrameOfReferenceUID',
            'Manufacturer',
            'ImageType',
            'ScanningSequence',
            'SequenceVariant',
            'MRAcquisitionType',
            'RepetitionTime',
            'EchoTime',
            'FlipAngle',
            'SamplesPerPixel',
            'PhotometricInterpretation',
        ]:
            self.assertTrue(image.get(name), name)
        for name in [
            'PatientBirthDate',
            'PatientSex',
            'StudyTime',
            'StudyID',
            'AccessionNumber',
            'ReferringPhysicianName',
            'PositionReferenceIndicator',
            'ScanOptions',
        ]:
            self.assertIn(name, image)

    def test_says_that_it_is_synthetic(self):
        image = self.images()[0]
        self.assertEqual(image.ImageType[0], 'DERIVED')
        for name in 'Manufacturer', 'PatientComments', 'ImageComments':
            self.assertIn('synthetic', image[name].value.lower())

    def test_uids(self):
        images = self.images()
        self.assertEqual(len({image.SOPInstanceUID for image in images}), 4)
        for name in (
            'StudyInstanceUID',
            'SeriesInstanceUID',
            'FrameOfReferenceUID',
        ):
            (uid,) = {image[name].value for image in images}
            self.assertTrue(uid.is_valid)

    def test_geometry(self):
        images = self.images(matrix=20, slices=10)
        positions = np.array(
            [image.ImagePositionPatient for image in images], float
        )
        for image in images:
            self.assertEqual(
                image.ImageOrientationPatient, [0, 1, 0, 0, 0, -1]
            )
            self.assertEqual(image.PixelSpacing, [7, 7])
            self.assertEqual(image.SliceThickness, 11.2)
            self.assertEqual(image.SpacingBetweenSlices, 11.2)
        # Centres of the slices; of the first pixel in front and at the top.
        np.testing.assert_allclose(
            positions[:, 0], 11.2 * (4.5 - np.arange(10))
        )
        np.testing.assert_allclose(positions[:, 1], -66.5)
        np.testing.assert_allclose(positions[:, 2], 66.5)

    def test_spacing_of_the_initiative(self):
        with mock.patch.object(
            writer,
            'knee_volume',
            lambda *_: np.zeros((160, 384, 384), 'uint16'),
        ):
            image = self.images(matrix=384, slices=160)[0]
        np.testing.assert_allclose(image.PixelSpacing, 0.365, atol=5e-4)
        self.assertAlmostEqual(image.SliceThickness, 0.7)

    def test_side(self):
        """Tibialis anterior is on the lateral side of the leg."""
        for side, outwards in ('LEFT', 1), ('RIGHT', -1):
            anatomy = upright(side=side, noise=0.01)
            with (
                mock.patch.object(
                    imaging, 'sample_anatomy', lambda *_: anatomy
                ),
                mock.patch.object(
                    writer, 'sample_anatomy', lambda *_: anatomy
                ),
            ):
                images = self.images(matrix=64, slices=32)
            self.assertEqual(
                images[0].SeriesDescription, 'SAG_3D_DESS_' + side
            )
            self.assertEqual(images[0].Laterality, side[0])

            def value_at(left, posterior, superior):
                image = min(
                    images,
                    key=lambda image: abs(
                        image.ImagePositionPatient[0] - left
                    ),
                )
                _, y, z = image.ImagePositionPatient
                row = round((z - superior) / image.PixelSpacing[0])
                column = round((posterior - y) / image.PixelSpacing[1])
                return image.pixel_array[row, column] / anatomy.gain

            # The middle of the image is 10 mm above the joint line.
            self.assertGreater(value_at(28 * outwards, -6, -68), 0.3)
            self.assertLess(value_at(-28 * outwards, -14, -68), 0.3)
            # Calf behind, air in front.
            self.assertGreater(value_at(0, 48, -60), 0.3)
            self.assertLess(value_at(0, -60, -60), 0.1)
            shutil.rmtree(self.out)


class ScriptTest(WriterTest):
    def run_script(self, *args):
        return subprocess.run(
            [
                sys.executable,
                SCRIPT,
                '--out',
                self.out,
                '--patients',
                '2',
                '--matrix',
                '16',
                '--slices',
                '3',
                *args,
            ],
            capture_output=True,
            text=True,
        )

    def test_writes(self):
        done = self.run_script('--seed', '7')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn(f'{self.out} holds 2 patients', done.stdout)
        written = contents(self.out)
        shutil.rmtree(self.out)
        self.write(2, slices=3, seed=7)
        self.assertEqual(contents(self.out), written)

    def test_bad_input(self):
        self.assert_fails('matrix is 8', '--matrix', '8')
        os.makedirs(os.path.join(self.out, 'ground_truth.csv'))
        self.assert_fails('cannot write')
        shutil.rmtree(self.out)
        with open(self.out, 'w'):
            pass
        self.assert_fails('File exists')

    def assert_fails(self, text, *args):
        done = self.run_script(*args)
        self.assertEqual(done.returncode, 2)
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        self.assertIn(self.out if 'write' in text else 'error', done.stderr)
