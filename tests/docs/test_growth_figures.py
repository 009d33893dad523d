import unittest

import numpy as np

from tests.docs.common import documentation, rows


class DrawTest(unittest.TestCase):
    def test_points_and_labels(self):
        figures = documentation('growth_figures')
        for name, (key, label) in figures.VARIED.items():
            time, memory = figures.draw(name, rows(key, (32, 16, 160))).axes
            for axes, unit, factor in (
                (time, 'a step, s', 2),
                (memory, 'GiB', 10),
            ):
                self.assertEqual(axes.get_xlabel(), label)
                self.assertIn(unit, axes.get_ylabel())
                for line, engine in zip(axes.get_lines(), (1, 2)):
                    np.testing.assert_allclose(line.get_xdata(), (16, 32, 160))
                    np.testing.assert_allclose(
                        line.get_ydata(),
                        factor * engine * np.array([16, 32, 160]),
                    )
            self.assertEqual(
                [text.get_text() for text in time.get_legend().get_texts()],
                ['the engine', 'PyTorch alone'],
            )

    def test_the_engine_alone(self):
        figures = documentation('growth_figures')
        measured = [
            row
            for row in rows('batch_size', (1, 4))
            if row['engine'] == 'torch'
        ]
        for axes in figures.draw('dcgan3d', measured).axes:
            (line,) = axes.get_lines()
            self.assertEqual(line.get_label(), 'the engine')
            self.assertEqual(list(axes.get_xticks()), [1, 4])
