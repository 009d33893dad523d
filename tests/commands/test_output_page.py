import numpy as np
from PIL import Image

from kneerepro.commands import output_page
from kneerepro.experiment.browser import Browser, Stack
from tests.folders import FolderTest


class OutputPageTest(FolderTest):
    def page(self, browser):
        picture = self.path('picture.png')
        Image.new('L', (2, 2)).save(picture)
        path = self.path('page.html')
        output_page.write(path, 'A <title>', 'cae3d', browser, picture)
        return self.read('page.html').decode()

    def test_with_a_browser(self):
        stack = Stack('one', (np.zeros((2, 3, 4)),) * 2)
        page = self.page(Browser('Volumes', 'a text', 'volume', (stack,)))
        self.assertIn('<h1>A &lt;title&gt;</h1>', page)
        self.assertEqual(page.count('class="browser"'), 1)
        self.assertNotIn('too large', page)
        # Its picture, and the sheet of the volume.
        self.assertEqual(page.count('<img src="data:image/png'), 1)
        self.assertEqual(page.count('data:image/png;base64,'), 2)

    def test_volumes_that_are_too_large(self):
        page = self.page(None)
        self.assertNotIn('class="browser"', page)
        self.assertIn('too large', page)
