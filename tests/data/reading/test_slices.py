from unittest import mock

import numpy as np
import scipy.io
import SimpleITK

from kneerepro.data.reading import arrays, images, slices
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.slices import read_slices
from kneerepro.data.reading.tolerances import MAX_LABELS
from tests.data.series import QuietTest, read_file, write_series

VOLUME = np.random.RandomState(1).randint(0, 4000, (4, 6, 7))


def labels(count, shape=(4, 6, 7)):
    """A volume of so many distinct values, the last one only at its end."""
    volume = np.arange(np.prod(shape)).reshape(shape) % (count - 1)
    volume[-1, -1, -1] = count - 1
    return volume


class ReadSlicesTest(QuietTest):
    def sources(self, volume):
        """The volume as a series and in other formats."""
        paths = write_series(
            self.path('dicom'), volume, PixelSpacing=[0.5, 0.25]
        )
        yield Series('1.2.3', '', [read_file(path)[0] for path in paths])
        np.save(self.path('v.npy'), volume)
        scipy.io.savemat(self.path('v.mat'), {'v': np.moveaxis(volume, 0, 2)})
        for name in 'v.npy', 'v.mat':
            yield from arrays.find_volumes(self.path(name))
        image = SimpleITK.GetImageFromArray(volume.astype('int16'))
        for name in 'v.nii', 'v.mha', 'v.nrrd':
            SimpleITK.WriteImage(image, self.path(name))
            yield from images.find_volumes(self.path(name))

    def test_formats(self):
        for source in self.sources(VOLUME):
            self.assertEqual(len(source), 4)
            found = [
                scale * image + offset
                for image, scale, offset in read_slices(source)
            ]
            np.testing.assert_array_equal(found, VOLUME)

    def test_segmentation_masks(self):
        for count in 2, 12, MAX_LABELS:
            for source in self.sources(labels(count)):
                with self.assertRaisesRegex(
                    DefectError, f'^FEW_VALUES: it has {count} distinct values'
                ):
                    list(read_slices(source))

    def test_images_of_few_values(self):
        for source in self.sources(labels(MAX_LABELS + 1)):
            self.assertEqual(len(list(read_slices(source))), 4)

    def test_images_of_many_pixels(self):
        """They are compared block by block, the last one included."""
        with mock.patch.object(slices, '_FIRST_PIXELS', 5):
            self.test_segmentation_masks()
            self.test_images_of_few_values()

    def test_constant(self):
        """It has a defect of its own, which the caller finds."""
        np.save(self.path('v.npy'), np.full((4, 6, 7), 3))
        (source,) = arrays.find_volumes(self.path('v.npy'))
        self.assertEqual(len(list(read_slices(source))), 4)

    def test_padding(self):
        """Slices of padding alone are NaN, which is no value."""
        volume = labels(5)
        volume[1] = 77
        paths = write_series(self.path('dicom'), volume, PixelPaddingValue=77)
        source = Series('1.2.3', '', [read_file(path)[0] for path in paths])
        with self.assertRaisesRegex(DefectError, 'it has 5 distinct'):
            list(read_slices(source))
