import os
import shutil

import numpy as np
import SimpleITK

from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.records import (
    find_series,
    load_series,
    one_per_patient,
)
from kneerepro.data.reading.scan import scan
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.workers import Workers
from tests.data.series import SAGITTAL, change, damage, write_series
from tests.folders import FolderTest

LIMITS = Limits(min_slices=2, min_coverage=0.0)
ALL = Selection(None)


class RecordsTest(FolderTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path('in'))
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)

    def series(self, uid, shape=(4, 6, 6), **elements):
        return write_series(
            self.path('in', uid), np.ones(shape), uid, **elements
        )

    def find(self, selection=ALL, depth=4):
        with Workers(1) as workers:
            scan(self.catalogue, [self.path('in')], workers, depth)
        return find_series(self.catalogue, selection, LIMITS, depth, size=6)

    def find_one(self, **kwargs):
        (record,) = self.find(**kwargs)
        return record


class FieldsTest(RecordsTest):
    def test_series(self):
        self.series(
            '1.1',
            geometry=SAGITTAL,
            FrameOfReferenceUID='9.1',
            PixelSpacing=[0.5, 0.5],
            Laterality='R',
        )
        record = self.find_one()
        self.assertEqual(
            (
                record.uid,
                record.part,
                record.description,
                record.frame_of_reference,
                record.patient_id,
                record.side,
            ),
            ('1.1', '', 'SAG_3D_DESS_LEFT', '9.1', 'someone', 'RIGHT'),
        )
        self.assertEqual(
            (record.slices, record.rows, record.columns, record.spacing),
            (4, 6, 6, (2.0, 0.5, 0.5)),
        )
        self.assertEqual(
            (record.plane, record.directions), ('sagittal', 'LRSIAP')
        )
        self.assertTrue(record.usable)
        self.assertFalse(record.is_array)
        self.assertEqual(record.notes, [])
        self.assertEqual(record.identity.patient, 'someone')

    def test_array(self):
        np.save(self.path('in', 'v.npy'), np.ones((2, 5, 6, 7)))
        first, second = self.find()
        self.assertEqual((first.part, second.part), ('volume 1', 'volume 2'))
        self.assertEqual(
            (second.slices, second.rows, second.columns), (5, 6, 7)
        )
        self.assertTrue(second.usable and second.is_array)
        # Two volumes of unknown people are not taken for one person's.
        self.assertEqual(second.identity.patient, 'v.npy  1')
        self.assertEqual(
            second.notes,
            [
                'SIDE_UNKNOWN',
                'RESAMPLED_DEPTH',
                'PADDED_FIELD',
                'SPACING_UNKNOWN',
                'PATIENT_UNKNOWN',
            ],
        )

    def image(self, name, spacing=(2.0, 1.0, 1.0), **geometry):
        """Write a volume of a knee on the right."""
        image = SimpleITK.GetImageFromArray(np.ones((4, 6, 7)))
        image.SetSpacing(spacing[::-1])
        image.SetOrigin(geometry.get('origin', (-50.0, 0.0, 0.0)))
        image.SetDirection(
            geometry.get('direction', (0, 0, -1, 1, 0, 0, 0, -1, 0))
        )
        SimpleITK.WriteImage(image, self.path('in', name))

    def test_image(self):
        self.image('v.nii')
        record = self.find_one()
        self.assertEqual(
            (record.slices, record.rows, record.columns, record.spacing),
            (4, 6, 7, (2.0, 1.0, 1.0)),
        )
        self.assertEqual(
            (record.plane, record.directions, record.side),
            ('sagittal', 'LRSIAP', 'RIGHT'),
        )
        self.assertEqual(record.notes, ['PADDED_FIELD', 'PATIENT_UNKNOWN'])
        self.assertTrue(record.usable and record.is_array)
        self.assertEqual(record.grid.position((3, 0, 0))[0], -56.0)

    def test_images_of_one_name(self):
        for folder in 'P', 'Q':
            os.mkdir(self.path('in', folder))
            self.image(os.path.join(folder, 'v.nii'))
        first, second = self.find()
        self.assertNotEqual(first.identity.patient, second.identity.patient)
        self.assertNotIn('SEVERAL_SERIES_OF_PATIENT', first.notes)

    def test_image_of_a_named_side(self):
        self.image('9000000_LEFT.nii')
        self.assertEqual(self.find_one().side, 'LEFT')

    def test_image_without_orientation(self):
        self.image(
            'v.mha',
            spacing=(1.0, 1.0, 1.0),
            origin=(0.0, 0.0, 0.0),
            direction=(1, 0, 0, 0, 1, 0, 0, 0, 1),
        )
        record = self.find_one()
        self.assertEqual(
            record.notes,
            [
                'SIDE_UNKNOWN',
                'ORIENTATION_UNKNOWN',
                'PADDED_FIELD',
                'SPACING_UNKNOWN',
                'PATIENT_UNKNOWN',
            ],
        )
        self.assertEqual(
            (record.slices, record.spacing, record.plane, record.grid),
            (4, (0, 0, 0), '', None),
        )

    def test_image_in_another_direction(self):
        self.image('v.nrrd', direction=(0, 0, 1, -1, 0, 0, 0, -1, 0))
        record = self.find_one()
        self.assertIn('REORIENTED', record.notes)
        self.assertEqual(record.directions, 'LRSIAP')

    def test_image_that_is_thin(self):
        self.image('v.nii')
        for limits, code in [
            (Limits(min_slices=5, min_coverage=0.0), 'TOO_FEW_SLICES'),
            (Limits(min_slices=2, min_coverage=9.0), 'INCOMPLETE_COVERAGE'),
        ]:
            self.find_one()
            (record,) = find_series(self.catalogue, ALL, limits, 4, size=6)
            self.assertEqual(record.defect.code, code)

    def test_grid(self):
        os.remove(self.series('1.1')[1])
        self.series('1.2', geometry=SAGITTAL, PixelSpacing=[0.5, 0.25])
        first, second = self.find()
        self.assertIsNone(first.grid)  # it is not usable
        self.assertEqual(
            second.grid.steps, ((-2, 0, 0), (0, 0, -0.5), (0, 0.25, 0))
        )

    def test_not_selected(self):
        self.series('1.1')
        record = self.find_one(selection=Selection('x'))
        self.assertFalse(record.selected or record.usable)
        self.assertIsNone(record.defect)
        self.assertEqual((record.plane, record.directions), ('axial', ''))

    def test_defect(self):
        os.remove(self.series('1.1')[1])
        record = self.find_one()
        self.assertFalse(record.usable)
        self.assertEqual(record.defect.code, 'MISSING_SLICES')

    def test_copy(self):
        self.series('1.1')
        shutil.copytree(self.path('in', '1.1'), self.path('in', 'x'))
        first, second = self.find()
        self.assertTrue(first.usable)
        self.assertEqual(second.defect.code, 'DUPLICATE_SERIES')
        self.assertIn('4 images', second.defect.message)

    def test_notes(self):
        for note, changes in {
            'REORIENTED': {'geometry': ((0, -1, 0, 0, 0, -1), (1, 0, 0))},
            'INSTANCE_NUMBERS': {'InstanceNumber': 1},
            'RESAMPLED_DEPTH': {'shape': (5, 6, 6)},
            'PADDED_FIELD': {'shape': (4, 6, 5)},
            'SIDE_UNKNOWN': {
                'SeriesDescription': 'knee',
                'geometry': SAGITTAL,
            },
            'SPACING_UNKNOWN': {'PixelSpacing': None},
            'PATIENT_UNKNOWN': {'PatientID': None},
        }.items():
            with self.subTest(note):
                self.setUp()
                self.series('1.1', **changes)
                self.assertEqual(self.find_one().notes, [note])


class SpacingTest(RecordsTest):
    def test_absurd_or_unreadable(self):
        for spacing in (
            b'0.00\\0.00',
            b'-1.0\\1.00',
            b'1e99\\1.00',
            b'1,25\\1,25',
        ):
            with self.subTest(spacing):
                self.setUp()
                for path in self.series('1.1', PixelSpacing=['1.25', '1.25']):
                    damage(path, b'1.25\\1.25', spacing)
                record = self.find_one()
                self.assertEqual(record.notes, ['SPACING_UNKNOWN'])
                self.assertEqual(record.spacing, (2.0, 0.0, 0.0))

    def test_known_in_one_slice(self):
        paths = self.series('1.1', PixelSpacing=None)
        change(paths[2], PixelSpacing=[0.5, 0.5])
        record = self.find_one()
        self.assertEqual((record.notes, record.spacing[1]), ([], 0.5))


class OneVolumeTest(RecordsTest):
    """Numbers that are written in several ways do not split a series."""

    def test_numbers(self):
        for elements in [
            dict(EchoTime=['4.7', '4.70', '4.70 ', '']),
            dict(EchoTime=['30', '30.001', '3.0E1', None]),
            dict(TemporalPositionIdentifier=['1', '01', '1', '']),
            dict(AcquisitionNumber=['1', '1', '1', '']),
            dict(PixelSpacing=[['0.3646'] * 2, ['0.364600'] * 2] * 2),
            dict(
                ImageOrientationPatient=[
                    ['0', '1', '0', '0', '0', '-1'],
                    ['-0.0', '1', '0.000', '0', '-0', '-1'],
                    ['0.0000005', '1', '0', '0', '0', '-1'],
                    ['-0.001', '1', '0', '0', '0', '-1'],
                ]
            ),
            dict(StackID=['1', '1 ', '1', '']),
            dict(PatientID=['someone', 'someone ', '', None]),
        ]:
            with self.subTest(elements):
                self.setUp()
                paths = self.series('1.1', geometry=SAGITTAL, EchoTime='4.7')
                for i, path in enumerate(paths):
                    change(
                        path, **{name: elements[name][i] for name in elements}
                    )
                record = self.find_one()
                self.assertIsNone(record.defect)
                self.assertEqual(
                    (record.part, record.slices, record.patient_id),
                    ('', 4, 'someone'),
                )


class TwoPeopleTest(RecordsTest):
    """Two people, or two visits, under one SeriesInstanceUID."""

    def two(self, shift, **elements):
        for i, values in enumerate(zip(*elements.values())):
            paths = self.series(
                f'1.{i}',
                SeriesInstanceUID='1',
                **dict(zip(elements, values)),
            )
            for j, path in enumerate(paths):
                change(
                    path,
                    ImagePositionPatient=[0, 0, 2 * j + i * shift],
                )
        return self.find()

    def test_people(self):
        for shift in 0, 1, 8:
            self.setUp()
            first, second = self.two(shift, PatientID=['Q', 'P'])
            self.assertTrue(first.usable and second.usable)
            self.assertEqual(
                [
                    (record.part, record.patient_id, record.spacing[0])
                    for record in (first, second)
                ],
                [('patient 1', 'P', 2.0), ('patient 2', 'Q', 2.0)],
            )
            self.assertEqual(
                [record.identity.patient for record in (first, second)],
                ['P', 'Q'],
            )
            loaded = load_series(self.catalogue, second, LIMITS)
            self.assertEqual(loaded.header.patient, 'Q')

    def test_visits(self):
        records = self.two(1, StudyInstanceUID=['2.1', '2.2'])
        self.assertEqual(
            [record.part for record in records], ['study 1', 'study 2']
        )
        self.assertTrue(all(record.usable for record in records))

    def test_not_both_volumes(self):
        change(self.series('1.1')[2], PatientID='other')
        record = self.find_one()
        self.assertEqual((record.part, record.slices), ('', 4))
        self.assertEqual(record.defect.code, 'MIXED_PATIENTS')


class OrderTest(RecordsTest):
    def setUp(self):
        super().setUp()
        for uid, patient in [('1.1', 'Q'), ('1.3', 'P'), ('1.2', 'P')]:
            self.series(uid, PatientID=patient)

    def test_by_patient_and_uid(self):
        records = self.find()
        self.assertEqual(
            [record.uid for record in records], ['1.2', '1.3', '1.1']
        )
        self.assertEqual(
            [
                'SEVERAL_SERIES_OF_PATIENT' in record.notes
                for record in records
            ],
            [True, True, False],
        )

    def test_one_per_patient(self):
        os.remove(self.path('in', '1.2', '1.2-1'))
        self.series('1.4', PatientID='P')
        records = list(one_per_patient(self.find()))
        self.assertEqual(
            [
                (record.uid, record.defect and record.defect.code)
                for record in records
            ],
            [
                ('1.2', 'MISSING_SLICES'),
                ('1.3', None),  # the first usable one
                ('1.4', 'SURPLUS_SERIES'),
                ('1.1', None),
            ],
        )


class LoadTest(RecordsTest):
    def test_series(self):
        paths = self.series('1.1')
        series = load_series(self.catalogue, self.find_one(), LIMITS)
        self.assertEqual(series.uid, '1.1')
        self.assertEqual(series.paths(), paths)

    def test_part(self):
        for echo in '1', '2':
            self.series(f'1.{echo}', SeriesInstanceUID='1', EchoTime=echo)
        first, second = self.find()
        self.assertEqual((first.part, second.part), ('echo 1', 'echo 2'))
        series = load_series(self.catalogue, second, LIMITS)
        self.assertEqual(
            (series.part, series.header.echo_time), ('echo 2', 2.0)
        )

    def test_array(self):
        path = self.path('in', 'v.npy')
        np.save(path, np.ones((2, 4, 6, 6)))
        _, second = self.find()
        self.assertEqual(
            load_series(self.catalogue, second, LIMITS),
            ArrayVolume(path=path, name='', index=1, shape=(4, 6, 6)),
        )
