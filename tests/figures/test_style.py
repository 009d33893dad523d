import os

import numpy as np
from matplotlib import rcParams
from matplotlib.image import imread

from kneerepro.figures.style import (
    FOOTER_HEIGHT,
    new_figure,
    save_figure,
    save_tiles,
    show_image,
    styled,
    white_level,
)
from tests.figures.inspection import FOOTER, images
from tests.folders import FolderTest
from tests.subprocesses import run_python


class BackendTest(FolderTest):
    def test_backend_that_is_missing(self):
        """As in a program that is started from a notebook."""
        for backend in [
            'module://matplotlib_inline.nonsense',
            'nonsense',
        ]:
            done = run_python(
                'import sys\n'
                'from kneerepro.figures.style import new_figure, save_figure\n'
                "save_figure(new_figure(1, 1, 'footer'), sys.argv[1])",
                '-W',
                'ignore',
                arguments=[self.path('figure')],
                MPLBACKEND=backend,
            )
            self.assertEqual(done.stderr, '', backend)
            os.remove(self.path('figure.png'))

    def test_backend_that_is_there(self):
        done = run_python(
            'import kneerepro.figures, matplotlib, os\n'
            "print(matplotlib.rcParams['backend'], os.environ['MPLBACKEND'])",
            '-W',
            'ignore',
            MPLBACKEND='svg',
        )
        self.assertEqual(done.stdout, 'svg svg\n')


class StyleTest(FolderTest):
    def test_saved_files_are_always_the_same(self):
        path = self.path('new', 'figure')
        os.mkdir(self.path('new'))
        paths = save_figure(new_figure(3, 2, 'a footer'), path)
        self.assertEqual(paths, [path + '.png', path + '.pdf'])
        self.assertEqual(
            sorted(os.listdir(self.path('new'))), ['figure.pdf', 'figure.png']
        )
        image = imread(paths[0])
        self.assertEqual(image.shape, (400, 600, 4))
        # The footer is at the bottom, and nothing else is there.
        rows = np.flatnonzero((image[..., :3] < 1).any(axis=(1, 2)))
        self.assertGreater(rows.min(), 360)
        self.assertLess(rows.max(), 400)
        contents = [self.read(f'new/figure.{kind}') for kind in ('png', 'pdf')]
        save_figure(new_figure(3, 2, 'a footer'), path)
        self.assertEqual(
            [self.read(f'new/figure.{kind}') for kind in ('png', 'pdf')],
            contents,
        )

    def test_saved_tiles(self):
        tiles = images(2, 3, 4, 5)
        save_tiles(tiles, self.path('tiles.png'))
        image = imread(self.path('tiles.png'))
        self.assertEqual(image.shape[:2], (8, 15))
        np.testing.assert_allclose(image[4:, 10:, 0], tiles[1, 2], atol=0.01)

    def test_long_footers_are_complete_and_in_their_place(self):
        for width, repeat in (5, 1), (7, 1), (7, 2):
            footer = FOOTER * repeat
            figure = new_figure(width, 2, footer)
            (text,) = figure.texts
            self.assertEqual(text.get_text().replace('\n', ' '), footer)
            self.assertLessEqual(text.get_text().count('\n'), 2)
            box = text.get_window_extent(figure.canvas.get_renderer())
            self.assertGreater(box.y0, 0)
            self.assertLess(box.y1, FOOTER_HEIGHT * figure.dpi)
            self.assertGreater(box.x0, 0)
            self.assertLess(box.x1, width * figure.dpi)

    def test_footers_break_between_facts(self):
        facts = [f'width {i / 8} (thesis: 1)' for i in range(9)]
        (text,) = new_figure(7, 2, '; '.join(facts)).texts
        lines = text.get_text().split('\n')
        self.assertGreater(len(lines), 1)
        self.assertEqual(
            [fact for line in lines for fact in line.strip(';').split('; ')],
            facts,
        )

    def test_matplotlib_settings_apply_only_while_drawing(self):
        before = dict(rcParams)
        inside = styled(lambda: dict(rcParams))()
        self.assertFalse(inside['axes.spines.top'])
        self.assertEqual(dict(rcParams), before)

    def test_image_has_no_ticks(self):
        axes = new_figure(2, 2).add_subplot()
        show_image(axes, images(4, 4))
        self.assertEqual(list(axes.get_xticks()) + list(axes.get_yticks()), [])

    def test_white_level(self):
        image = np.full((100, 100), 0.3)
        image[0, :10] = 1  # a vessel
        self.assertAlmostEqual(white_level(image), 0.3)
        self.assertGreater(white_level(np.zeros((4, 4))), 0)
