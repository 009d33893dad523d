import unittest
from itertools import combinations

from lasagne.layers import InputLayer
from lasagne.nonlinearities import LeakyRectify

from kneerepro.figures.architecture import figure_2_3, figure_2_4, figure_2_5
from kneerepro.figures.network_diagram import Row, Stage, draw_rows
from kneerepro.networks import (
    build_cae2d,
    build_cae3d,
    build_dcgan,
    build_wgan_gp,
)
from layers import Conv2DLayer
from tests.figures.diagrams import corners, fronts, texts, words
from tests.figures.inspection import FOOTER


def chain(length):
    """Convolutions whose boxes and labels are equally wide."""
    network = InputLayer((None, 100, 60, 60))
    for i in range(length):
        network = Conv2DLayer(
            network,
            100,
            3,
            pad=1,
            name=f'conv{i}',
            nonlinearity=LeakyRectify(0.1 + 0.01 * i),
        )
    return network


class LayoutTest(unittest.TestCase):
    def test_no_overlaps(self):
        for figure in [
            figure_2_3(*build_cae2d(), FOOTER),
            figure_2_3(*build_cae2d(width=0.03, rows=16, columns=128)),
            figure_2_4(*build_cae3d(width=0.25), FOOTER),
            figure_2_4(*build_cae3d(width=0.03, depth=16), FOOTER),
            figure_2_4(
                *build_cae3d(width=0.03, rows=16, columns=16, depth=400)
            ),
            # These leave the least room for boxes and for labels.
            figure_2_4(
                *build_cae3d(width=0.03, rows=16, columns=512, depth=16)
            ),
            figure_2_3(chain(7), chain(6)),
            figure_2_5(*build_dcgan(width=0.25), FOOTER),
            figure_2_5(
                *build_wgan_gp(
                    width=0.01, filter_size=5, batch_norm_output=True
                ),
                FOOTER,
            ),
        ]:
            figure.set_dpi(200)
            renderer = figure.canvas.get_renderer()
            boxes = {
                text: text.get_window_extent(renderer)
                for text in texts(figure)
            }
            x, y = figure.bbox.x1, figure.bbox.y1
            for text, box in boxes.items():
                self.assertGreaterEqual(text.get_fontsize(), 6.5)
                self.assertTrue(0 < box.x0 < box.x1 < x, text)
                self.assertTrue(0 < box.y0 < box.y1 < y, text)
            for text, other in combinations(boxes, 2):
                self.assertFalse(
                    boxes[text].overlaps(boxes[other]), f'{text} and {other}'
                )
            patches = [
                patch.get_window_extent(renderer)
                for patch in figure.axes[0].patches
            ]
            for box in patches:
                self.assertTrue(0 < box.x0 < box.x1 < x)
                for text in boxes:
                    self.assertFalse(box.overlaps(boxes[text]), text)

    def test_boxes_go_from_left_to_right(self):
        figure = figure_2_3(*build_cae2d(width=0.1))
        for network in 'encoder', 'decoder':
            places = [patch.get_xy() for patch in fronts(figure, network)]
            self.assertEqual(len(places), 7)
            for place, next_place in zip(places, places[1:]):
                self.assertLess(place[:, 0].max(), next_place[:, 0].min())

    def test_second_network_is_below_the_first(self):
        figure = figure_2_3(*build_cae2d(width=0.1))
        self.assertGreater(
            corners(figure, 'encoder.input')[:, 1].min(),
            corners(figure, 'decoder.deconv4')[:, 1].max(),
        )


class RowsTest(unittest.TestCase):
    def row(self, layers):
        stages = [Stage(name='input', shape=(1, 8, 8), operation=[])]
        for i in range(layers):
            stages.append(
                Stage(
                    name=f'conv{i}',
                    shape=(2, 8, 8),
                    operation=['conv 3×3', 'ReLU'],
                    filter_size=(3, 3),
                )
            )
        return Row(
            title='Network',
            stages=stages,
            parameters=1234,
            first='input',
            last='output',
        )

    def test_texts(self):
        shown = words(draw_rows((self.row(2), self.row(3)), 'a footer'))
        for text, count in [
            ('Network', 2),
            ('1,234 trainable parameters', 2),
            ('2,468 trainable parameters in total', 1),
            ('1 × 8 × 8', 2),
            ('2 × 8 × 8', 5),
            ('conv 3×3\nReLU', 5),
            ('input', 2),
            ('output', 2),
            ('a footer', 1),
        ]:
            self.assertEqual(shown.count(text), count, text)

    def test_note_takes_two_lines(self):
        for draw, networks in [
            (figure_2_3, build_cae2d(width=0.1)),
            (figure_2_4, build_cae3d(width=0.03, depth=16)),
        ]:
            (note,) = [
                text
                for text in words(draw(*networks))
                if text.startswith('Shapes are')
            ]
            self.assertEqual(note.count('\n'), 1)

    def test_too_many_layers(self):
        with self.assertRaisesRegex(ValueError, 'too many layers'):
            draw_rows((self.row(1), self.row(20)))
