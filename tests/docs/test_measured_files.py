from unittest import mock

import numpy as np
from matplotlib import colormaps
from PIL import Image

from tests.docs.common import documentation
from tests.folders import FolderTest


class PicturesTest(FolderTest):
    def saved(self, pixels):
        """The pixels of a drawing's copy."""
        measured_files = documentation('measured_files')
        Image.fromarray(pixels).save(self.path('drawing.png'))
        with mock.patch.object(measured_files, 'FOLDER', self.folder):
            name = measured_files.save_copy(
                self.path('drawing.png'), 'copy', True
            )
        with Image.open(self.path(name)) as copy:
            return np.asarray(copy.convert('RGB')).astype(int)

    def test_keeps_colours_of_few_pixels(self):
        """A colour bar keeps its ends beside pictures in grey and white."""
        pixels = np.full((300, 400, 3), 255, 'uint8')
        greys = np.random.RandomState(0).randint(0, 256, (200, 200, 1))
        pixels[50:250, 50:250] = greys
        colours = 255 * colormaps['viridis'](np.linspace(0, 1, 200))[:, :3]
        pixels[50:250, 300:303] = colours[:, None]
        difference = abs(self.saved(pixels) - pixels)
        self.assertLess(difference[50:250, 300:303].max(), 24)
        # Greys have no tint.
        inside = self.saved(pixels)[50:250, 50:250]
        self.assertLess(np.ptp(inside, axis=2).max(), 12)
