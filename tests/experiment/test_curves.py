import base64
import json
import unittest
from types import SimpleNamespace

import numpy as np

from kneerepro.experiment.curves import Chart, Curve, charts_of, curves_in
from kneerepro.utils.pages import save_page, template_environment
from tests.chromium import ChromiumTest

PAGE = """{% import 'parts.html' as parts %}
<!DOCTYPE html><html lang="en"><head>{{ parts.head('test') }}</head>
<body>{{ parts.charts(charts) }}<img class="static" src="data:," alt="">
</body></html>"""

NAN = np.nan


def run_of(experiment):
    return SimpleNamespace(experiment=experiment)


class ChartsTest(unittest.TestCase):
    def test_autoencoder(self):
        results = {
            'iterations_per_epoch': np.array(2),
            'test_loss': np.array([0.3, NAN, 0.2]),
            'train_loss': np.array([NAN, 0.4, 0.1]),
            'first_ten_loss': np.full(3, NAN),
            'code_spread': np.array([0.0, NAN, 0.5]),
            'mean_mse': 0.25,
            'components_mse': 0.05,
            'components': 4,
        }
        self.assertEqual(
            list(curves_in(run_of('cae3d'), results)),
            ['train', 'test', 'code_spread'],
        )
        losses, spread = charts_of(run_of('cae3d'), results)
        self.assertEqual(losses.label, 'mean squared error')
        self.assertIsNone(losses.limits)
        self.assertEqual(
            [curve.name for curve in losses.curves],
            [
                'training set, each minibatch',
                'whole test set, each epoch',
                'mean of the training set',
                '4 principal components of the training set',
            ],
        )
        np.testing.assert_array_equal(
            losses.curves[2].values, [0.25, NAN, 0.25]
        )
        self.assertEqual(spread.title, 'Spread of the code between examples')
        self.assertEqual(len(spread.curves), 1)

    def test_gan(self):
        results = {
            'iterations_per_epoch': 1,
            'critic_loss': np.array([NAN, -3.0]),
            'generator_loss': np.array([NAN, 1.0]),
        }
        (losses,) = charts_of(run_of('wgan_gp'), results)
        self.assertEqual(losses.label, 'loss')
        self.assertEqual(
            [curve.name for curve in losses.curves], ['critic', 'generator']
        )
        low, high = losses.limits  # as in Figure 3.10
        self.assertTrue(-4 < low < -3 and 1 < high < 2, losses.limits)
        self.assertEqual(
            charts_of(run_of('wgan_gp'), {'iterations_per_epoch': 1}), []
        )

    def test_data(self):
        curve = Curve('x', np.array([NAN, 0.1, 2.0]), 5, '#123456')
        data = json.loads(json.dumps(curve.as_data(), allow_nan=False))
        np.testing.assert_array_equal(
            np.frombuffer(base64.b64decode(data['values']), '<f4'),
            np.float32([NAN, 0.1, 2]),
        )
        self.assertEqual(data['perEpoch'], 5)


class PageTest(ChromiumTest):
    """The charts in a web browser."""

    def open(self, *curves, scripts=True, limits=None):
        charts = [
            Chart(
                'Losses',
                'loss',
                tuple(
                    Curve(f'curve {i}', np.array(values), 10, '#1f4e9c')
                    for i, values in enumerate(curves)
                ),
                limits,
            )
        ]
        path = self.path('page.html')
        page = template_environment().from_string(PAGE)
        save_page(page.render(charts=charts), path)
        self.chromium.open(path, scripts=scripts)

    def legend(self):
        """The values under the cursor."""
        return self.chromium.evaluate(
            "[...document.querySelectorAll('.u-value')].map("
            '(value) => value.textContent)'
        )

    def focus(self):
        self.chromium.evaluate("document.querySelector('.plot').focus()")

    def press(self, key):
        self.chromium.press(key)
        # uPlot draws in the next frame.
        self.chromium.evaluate(
            'new Promise((done) => requestAnimationFrame(() => '
            'requestAnimationFrame(done)))'
        )

    def test_shows_values(self):
        dense = np.linspace(1, 2, 101)
        sparse = np.full(101, NAN)
        sparse[::10] = 7
        self.open(dense, sparse)
        self.assertEqual(self.chromium.messages, [])
        self.assertEqual(
            [
                address
                for address in self.chromium.requests
                if not address.startswith(('data:', 'file:'))
            ],
            [],
        )
        self.focus()
        for _ in range(3):
            self.press('ArrowRight')
        # The nearest value of the curve that was measured less often.
        self.assertEqual(self.legend(), ['3', '1.03', '7'])
        self.press('PageUp')
        self.assertEqual(self.legend(), ['13', '1.13', '7'])
        self.chromium.evaluate(
            "document.querySelector('[name=epochs]').click()"
        )
        self.focus()
        self.press('PageUp')
        self.assertEqual(self.legend(), ['1', '1.1', '7'])

    def test_zooms(self):
        self.open(np.linspace(1, 2, 1001))
        self.focus()
        for _ in range(5):
            self.press('PageUp')
        self.assertEqual(self.legend()[0], '500')
        self.press('+')
        self.press('+')
        # A hundredth of what is shown is now a quarter as much.
        self.press('ArrowRight')
        self.assertIn(self.legend()[0], ('502', '503'))
        self.press('0')
        self.press('ArrowLeft')
        self.assertIn(self.legend()[0], ('492', '493'))
        box = self.chromium.evaluate(
            '(({x, y, width, height}) => [x, y, width, height])('
            "document.querySelector('.u-over').getBoundingClientRect())"
        )
        x, y, width, height = box
        middle = y + height / 2
        self.chromium.drag(
            (x + 0.2 * width, middle), (x + 0.3 * width, middle)
        )
        self.focus()
        self.press('ArrowRight')
        self.assertTrue(200 <= int(self.legend()[0]) <= 310, self.legend())

    def test_logarithmic_only_above_zero(self):
        for values, there in ([1, 10, 100], True), ([1, 0, 2], False):
            self.open(values)
            self.assertEqual(
                self.chromium.evaluate(
                    "!!document.querySelector('[name=logarithmic]')"
                ),
                there,
            )
            if there:
                self.chromium.evaluate(
                    "document.querySelector('[name=logarithmic]').click()"
                )
            self.assertEqual(self.chromium.messages, [])

    def curve_height(self):
        """Rows of pixels that the curve takes in the right half."""
        return self.chromium.evaluate(
            """(() => {
                const canvas = document.querySelector('.plot canvas');
                const {width, height} = canvas;
                const {data} = canvas.getContext('2d')
                    .getImageData(0, 0, width, height);
                const rows = new Set();
                for (let i = 0; i < data.length; i += 4) {
                    const x = i / 4 % width;
                    if (x > width / 2 && data[i + 2] > data[i] + 60) {
                        rows.add(Math.floor(i / 4 / width));
                    }
                }
                return Math.max(...rows) - Math.min(...rows);
            })()"""
        )

    def test_outliers_are_shown_on_request(self):
        values = [1000, *(i % 5 for i in range(100))]
        self.open(values, limits=(-1.0, 6.0))
        height = self.curve_height()
        self.assertGreater(height, 100)
        self.chromium.evaluate(
            "document.querySelector('[name=outliers]').click()"
        )
        self.focus()
        self.press('ArrowRight')
        self.assertLess(self.curve_height(), height / 10)
        # Without outliers, there is nothing to ask for.
        self.open(values[1:], limits=(-1.0, 6.0))
        self.assertFalse(
            self.chromium.evaluate(
                "!!document.querySelector('[name=outliers]')"
            )
        )

    def test_hides_curves_by_keyboard(self):
        self.open([1, 2], [3, 4])
        self.chromium.evaluate(
            "document.querySelectorAll('.u-legend th')[1].focus()"
        )
        self.press(' ')
        self.assertEqual(
            self.chromium.evaluate(
                "[...document.querySelectorAll('.u-legend th')].map("
                "(name) => name.getAttribute('aria-pressed'))"
            ),
            [None, 'false', 'true'],
        )

    def test_without_scripts_and_on_paper(self):
        def visible(selector):
            return self.chromium.evaluate(
                f"getComputedStyle(document.querySelector('{selector}'))"
                ".display !== 'none'"
            )

        self.open([1, 2], scripts=False)
        self.assertFalse(visible('.chart'))
        self.assertTrue(visible('.static'))
        self.open([1, 2])
        self.assertTrue(visible('.chart'))
        self.assertFalse(visible('.static'))
        self.chromium.emulate('print')
        self.addCleanup(self.chromium.emulate, '')
        self.assertFalse(visible('.chart'))
        self.assertTrue(visible('.static'))
