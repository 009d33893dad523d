import os
from glob import glob

import numpy as np
import pydicom
from pydicom.pixel_data_handlers import apply_modality_lut, apply_voi_lut
from pydicom.uid import UID, MRImageStorage

from kneerepro.data.convert import Options, normalise
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import Settings, prepare
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.selection import Selection
from kneerepro.data.writing.dicom import DicomWriter
from kneerepro.data.writing.records import Output, Subject
from tests.data.writing.grids import (
    GRIDS,
    SAGITTAL,
    indices_in,
    output,
    rotated,
    subject,
)
from tests.folders import FolderTest

# What the MR image IOD demands (DICOM part 3, A.4): with a value, and at
# least empty.
WITH_VALUE = {
    'study': ['StudyInstanceUID'],
    'series': ['Modality', 'SeriesInstanceUID'],
    'frame of reference': ['FrameOfReferenceUID'],
    'plane': [
        'PixelSpacing',
        'ImageOrientationPatient',
        'ImagePositionPatient',
        'SliceThickness',
    ],
    'pixels': [
        'SamplesPerPixel',
        'PhotometricInterpretation',
        'Rows',
        'Columns',
        'BitsAllocated',
        'BitsStored',
        'HighBit',
        'PixelRepresentation',
        'PixelData',
    ],
    'MR': ['ImageType', 'ScanningSequence', 'SequenceVariant'],
    'look-up': [
        'RescaleIntercept',
        'RescaleSlope',
        'RescaleType',
        'WindowCenter',
        'WindowWidth',
    ],
    'SOP': ['SOPClassUID', 'SOPInstanceUID', 'SpecificCharacterSet'],
}
PRESENT = {
    'patient': ['PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex'],
    'study': [
        'StudyDate',
        'StudyTime',
        'ReferringPhysicianName',
        'StudyID',
        'AccessionNumber',
    ],
    'series': ['SeriesNumber', 'Laterality', 'PatientPosition'],
    'frame of reference': ['PositionReferenceIndicator'],
    'equipment': ['Manufacturer'],
    'image': ['InstanceNumber', 'ContentDate', 'ContentTime'],
    'MR': [
        'ScanOptions',
        'MRAcquisitionType',
        'RepetitionTime',
        'EchoTime',
        'EchoTrainLength',
    ],
}


class DicomTest(FolderTest):
    def write_volumes(self, *volumes):
        """Write pairs of output and subject; returns the series' slices."""
        with DicomWriter(self.folder, 1) as writer:
            for volume in volumes:
                writer.add(*volume)
        return [
            [
                pydicom.dcmread(path)
                for path in sorted(glob(os.path.join(folder, '*.dcm')))
            ]
            for folder in sorted(glob(self.path('dicom', '*')))
        ]


class GeometryTest(DicomTest):
    def test_positions_and_values(self):
        for name, grid in GRIDS.items():
            with self.subTest(name):
                volume = output(grid)
                (slices,) = self.write_volumes((volume, subject(grid)))
                self.assertEqual(len(slices), grid.shape[0])
                to_index = np.linalg.inv(grid.affine())
                for image in slices:
                    self.check_slice(image, volume, to_index)

    def check_slice(self, image, volume, to_index):
        """Each pixel has the value of the voxel at its position."""
        cosines = np.reshape(image.ImageOrientationPatient, (2, 3))
        spacing = np.array(image.PixelSpacing, float)
        values = apply_modality_lut(image.pixel_array, image)
        for row, column in np.ndindex(values.shape):
            # DICOM part 3, C.7.6.2.1.1
            x = (
                np.array(image.ImagePositionPatient, float)
                + cosines[0] * spacing[1] * column
                + cosines[1] * spacing[0] * row
            )
            index = (to_index @ [*x, 1])[:3]
            np.testing.assert_allclose(index, np.rint(index), atol=1e-5)
            self.assertAlmostEqual(
                values[row, column],
                volume.values[tuple(np.rint(index).astype(int))],
                delta=1e-5,
            )

    def test_slices_run_along_their_normal(self):
        for name, grid in GRIDS.items():
            with self.subTest(name):
                (slices,) = self.write_volumes((output(grid), subject(grid)))
                cosines = np.reshape(slices[0].ImageOrientationPatient, (2, 3))
                steps = np.diff(
                    [image.ImagePositionPatient for image in slices], axis=0
                )
                np.testing.assert_allclose(
                    steps @ np.cross(*cosines),
                    float(slices[0].SpacingBetweenSlices),
                    rtol=1e-6,
                )
                self.assertEqual(
                    [image.InstanceNumber for image in slices],
                    list(range(1, len(slices) + 1)),
                )

    def test_spacing(self):
        (slices,) = self.write_volumes((output(SAGITTAL), subject(SAGITTAL)))
        self.assertEqual((slices[0].Rows, slices[0].Columns), (4, 6))
        self.assertEqual(slices[0].PixelSpacing, [0.25, 0.365])
        self.assertEqual(slices[0].SliceThickness, 0.7)
        self.assertEqual(slices[0].SpacingBetweenSlices, 0.7)
        self.assertEqual(
            slices[0].ImageOrientationPatient, [0, 1, 0, 0, 0, -1]
        )


class HeaderTest(DicomTest):
    def test_attributes(self):
        ((image, *_),) = self.write_volumes(
            (
                output(SAGITTAL, kind='squared_error'),
                subject(
                    SAGITTAL,
                    frame_of_reference='1.2.3',
                    patient='0123abc',
                    side='LEFT',
                ),
            )
        )
        for names in WITH_VALUE.values():
            for name in names:
                self.assertFalse(image[name].is_empty, name)
        for names in PRESENT.values():
            for name in names:
                self.assertIn(name, image)
        meta = image.file_meta
        self.assertEqual(meta.MediaStorageSOPClassUID, MRImageStorage)
        self.assertEqual(image.SOPClassUID, MRImageStorage)
        self.assertEqual(meta.MediaStorageSOPInstanceUID, image.SOPInstanceUID)
        self.assertEqual(image.ImageType, ['DERIVED', 'SECONDARY', 'OTHER'])
        self.assertEqual(image.SeriesDescription, 'kneerepro squared error')
        self.assertEqual(image.FrameOfReferenceUID, '1.2.3')
        self.assertEqual(image.PatientID, '0123abc')
        self.assertEqual(image.Laterality, 'L')
        self.assertEqual(str(image.PatientName), '')
        self.assertNotIn('ImageComments', image)
        for element in image.iterall():
            if element.VR == 'DS' and element.value is not None:
                for text in np.atleast_1d(element.value):
                    self.assertLessEqual(len(str(text)), 16, element)

    def test_unknown_subject(self):
        ((image, *_),) = self.write_volumes(
            (output(SAGITTAL), Subject(SAGITTAL, frame_of_reference='a name'))
        )
        self.assertTrue(UID(image.FrameOfReferenceUID).is_valid)
        self.assertEqual(image.PatientID, '')
        self.assertEqual(image.Laterality, '')
        self.assertEqual(
            image.ImageComments, 'Position and spacing are nominal.'
        )

    def test_uids(self):
        about = subject(SAGITTAL, frame_of_reference='1.2.3')
        other = subject(SAGITTAL)
        series = self.write_volumes(
            (output(SAGITTAL, 0, 'ground_truth'), about),
            (output(SAGITTAL, 0, 'reconstruction'), about),
            (output(SAGITTAL, 1, 'ground_truth'), other),
            (output(SAGITTAL, 1, 'reconstruction'), other),
        )
        images = [image for slices in series for image in slices]
        self.assertEqual(len({image.SOPInstanceUID for image in images}), 20)
        for name, groups in [
            ('SeriesInstanceUID', [0, 1, 2, 3]),
            ('StudyInstanceUID', [0, 0, 2, 2]),
            ('FrameOfReferenceUID', [0, 0, 2, 2]),
            ('SeriesNumber', [0, 1, 0, 1]),
        ]:
            values = [{image[name].value for image in s} for s in series]
            self.assertTrue(all(len(value) == 1 for value in values), name)
            self.assertEqual([values.index(v) for v in values], groups, name)
        again = self.write_volumes((output(SAGITTAL), about))
        for name in 'SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID':
            self.assertNotIn(
                again[0][0][name].value,
                [image[name].value for image in images],
            )


class ValuesTest(DicomTest):
    def test_precision_and_window(self):
        for limit in 1.0, 0.003:
            values = limit * output(SAGITTAL).values
            values[0, 0, :2] = 0, limit
            ((*slices,),) = self.write_volumes(
                (Output(0, 'x', values, limit), subject(SAGITTAL))
            )
            made = np.array(
                [apply_modality_lut(i.pixel_array, i) for i in slices]
            )
            np.testing.assert_allclose(made, values, atol=1e-5 * limit)
            # Viewers show 0 as black and the limit as white.
            shown = np.array(
                [apply_voi_lut(image, slices[0]) for image in made]
            )
            self.assertEqual(shown[0, 0, 0], shown.min())
            span = shown.max() - shown.min()
            np.testing.assert_allclose(
                (shown - shown.min()) / span, values / limit, atol=1e-4
            )

    def test_values_outside_are_clipped(self):
        values = np.full(SAGITTAL.shape, -0.25)
        values[1:] = 1.25
        (slices,) = self.write_volumes(
            (Output(0, 'x', values), subject(SAGITTAL))
        )
        stored = np.array([image.pixel_array for image in slices])
        self.assertTrue((stored[0] == 0).all())
        self.assertTrue((stored[1:] == 65535).all())


class ReadBackTest(DicomTest):
    def test_prepared_like_any_series(self):
        slab = Grid.of(
            (16, 24, 24), (50, -20, 30), ((-6, 0, 0), (0, 0, -1), (0, 1, 0))
        )
        for name, grid in [
            ('sagittal', slab),
            ('mirrored', slab.flipped((True, False, False))),
            ('oblique', rotated(slab, 20, (0.36, 0.48, 0.8))),
        ]:
            with self.subTest(name):
                volume = output(grid)
                self.write_volumes((volume, subject(grid, side='RIGHT')))
                self.check_dataset(self.prepare(), volume, grid)

    def prepare(self):
        """Prepare the series; returns the path of the dataset."""
        path = self.path('knees.h5')
        summary = prepare(
            [self.path('dicom')],
            path,
            Settings(
                key=b'0' * 16,
                options=Options(depth=16, size=24),
                selection=Selection('kneerepro reconstruction'),
            ),
            overwrite=True,
        )
        self.assertEqual((summary.converted, summary.rejected), (1, 0))
        return path

    def check_dataset(self, path, volume, grid):
        """Each voxel has the value of the voxel at its position."""
        with Dataset(path) as dataset:
            self.assertEqual(list(dataset.side), ['RIGHT'])
            indices, distance = indices_in(grid, dataset.grids[0])
            self.assertLess(distance, 1e-4)
            np.testing.assert_allclose(
                dataset.volumes[0][0],
                normalise(volume.values)[tuple(indices)],
                atol=2e-5,
            )
