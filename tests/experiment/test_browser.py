import base64
import io
import json
import os
from types import SimpleNamespace

import numpy as np
from matplotlib import colormaps
from matplotlib.image import imread
from PIL import Image

from kneerepro.experiment import browser
from kneerepro.experiment.browser import Browser, Stack
from kneerepro.utils.pages import save_page, template_environment
from tests.chromium import ChromiumTest
from tests.folders import FolderTest

SHAPE = 5, 8, 6  # slices, rows, columns

PAGE = """{% import 'parts.html' as parts %}
<!DOCTYPE html><html lang="en"><head>{{ parts.head('test') }}</head>
<body>{{ parts.browsers(browsers) }}
<img id="static" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="">
</body></html>"""


def volume(seed, shape=SHAPE):
    """A volume of the values 0, 1/255, ..., 1, which its PNG keeps."""
    values = np.random.RandomState(seed).randint(0, 256, shape)
    return (values / 255).astype('float32')


def two_volumes(**changes):
    return Browser(
        'Volumes',
        'Two of them.',
        'volume',
        tuple(
            Stack(f'knee {i}', (volume(2 * i), volume(2 * i + 1)))
            for i in range(2)
        ),
        **changes,
    )


def as_bytes(values):
    return np.rint(255 * values).astype(int)


def pixels_of(sheet):
    content = base64.b64decode(sheet.partition(',')[2])
    return np.asarray(Image.open(io.BytesIO(content)))


class DataTest(FolderTest):
    def test_sheet_holds_all_slices(self):
        made = two_volumes()
        data = json.loads(json.dumps(made.as_data()))
        self.assertEqual(data['planes'], list(browser.PLANES))
        self.assertEqual(len(data['stacks']), 2)
        for stack, packed in zip(made.stacks, data['stacks']):
            self.assertEqual(packed['shape'], list(SHAPE))
            sheet = pixels_of(packed['sheet'])
            # Five tiles in three columns.
            self.assertEqual(sheet.shape, (2 * 8, 3 * 6, 3))
            for i in range(SHAPE[0]):
                row, column = divmod(i, 3)
                tile = sheet[
                    8 * row : 8 * row + 8, 6 * column : 6 * column + 6
                ]
                for k in range(2):
                    np.testing.assert_array_equal(
                        tile[..., k], as_bytes(stack.images[k][i])
                    )
                error = abs(stack.images[0][i] - stack.images[1][i])
                np.testing.assert_allclose(
                    tile[..., 2] / 255 * data['errorLimit'],
                    error,
                    atol=0.51 / 255,
                )

    def test_values_outside_of_the_range(self):
        made = Browser(
            '', '', '', (Stack('', (volume(0) * 3 - 1,)),), ('image',), ('x',)
        )
        (packed,) = made.as_data()['stacks']
        sheet = pixels_of(packed['sheet'])
        self.assertEqual(sheet.ndim, 2)
        self.assertEqual((sheet.min(), sheet.max()), (0, 255))

    def test_equal_images(self):
        same = volume(0)
        data = Browser('', '', '', (Stack('', (same, same)),)).as_data()
        self.assertEqual((data['errorLimit'], data['errorWhite']), (1, 1))
        self.assertFalse(pixels_of(data['stacks'][0]['sheet'])[..., 2].any())

    def test_proportions(self):
        def extent(**about):
            stack = Stack('', (volume(0),) * 2, **about)
            (packed,) = Browser('', '', '', (stack,)).as_data()['stacks']
            return list(packed['extent'])

        self.assertEqual(extent(), [112, 140, 140])
        self.assertEqual(extent(spacing=(2.0, 1.0, 0.5)), [10, 8, 3])

    def test_choose(self):
        mse = np.array([5.0, 1, 4, 2, 3])
        self.assertEqual(browser.choose(mse, 10, 3), [1, 4, 0])
        self.assertEqual(browser.choose(mse, 10, 9), [1, 3, 4, 2, 0])
        self.assertEqual(browser.choose(mse, 10, 1), [4])
        # As many of the thesis's volumes as the page holds.
        thesis = 160 * 64 * 64
        self.assertEqual(len(browser.choose(np.arange(20), thesis, 9)), 5)
        self.assertEqual(browser.choose(mse, 10**7, 3), [])


class RunTest(FolderTest):
    """What is found in a run."""

    def run_of(self, experiment):
        data = {'shape': [16, 8, 6], 'test': 20}
        return SimpleNamespace(
            experiment=experiment, settings={'data': data}, path=self.path
        )

    def results(self, *shape):
        return {
            'browsed_examples': np.array([3, 1]),
            'browsed_truth': volume(0, (2, *shape)).astype('float16'),
            'browsed_reconstruction': volume(1, (2, *shape)).astype('float16'),
            'iterations_per_epoch': 4,
            'slides': [5, 9],
        }

    def test_number_of_examples(self):
        for count, total, text in [
            (5, 1200, '5 of 1,200 test images'),
            (2, 2, 'All 2 test images'),
            (1, 1, 'The only test image'),
        ]:
            self.assertEqual(
                browser.number_of(count, total, 'test images'), text
            )

    def test_volumes(self):
        results = self.results(*SHAPE)
        made = browser.examples_of(self.run_of('cae3d'), results)
        self.assertEqual(made.planes, browser.PLANES)
        self.assertRegex(made.text, '^2 of 20 test volumes, from the least')
        mse = np.square(volume(0, (2, *SHAPE)) - volume(1, (2, *SHAPE)))[0]
        self.assertEqual(
            made.stacks[0].name, f'4 of the test set, MSE {mse.mean():.2g}'
        )
        np.testing.assert_array_equal(
            made.stacks[1].images[1], results['browsed_reconstruction'][1]
        )

    def test_images(self):
        results = self.results(8, 6)
        made = browser.examples_of(self.run_of('cae2d'), results)
        (stack,) = made.stacks
        self.assertEqual((made.planes, made.start), (('image',), 0))
        self.assertRegex(stack.labels[1], '^2 of the test set, MSE ')
        self.assertEqual(stack.images[0].shape, (2, 8, 6))

    def test_runs_without_examples(self):
        for results in {}, {'browsed_examples': np.empty(0, int)}:
            self.assertIsNone(
                browser.examples_of(self.run_of('cae3d'), results)
            )
        self.assertIsNone(browser.samples_of(self.run_of('cae3d'), {}))

    def test_generated_volumes(self):
        results = {
            'browsed_generated': volume(0, (3, *SHAPE)).astype('float16'),
            'browsed_real': volume(1, (2, *SHAPE)).astype('float16'),
        }
        made = browser.volumes_of(self.run_of('dcgan3d'), results)
        self.assertEqual(
            [stack.name for stack in made.stacks],
            [
                *(f'generated {i}' for i in (1, 2, 3)),
                *(f'real {i}' for i in (1, 2)),
            ],
        )
        self.assertEqual(
            (made.planes, made.panels), (browser.PLANES, ('intensity',))
        )
        np.testing.assert_array_equal(
            made.stacks[3].images[0], results['browsed_real'][0]
        )
        json.dumps(made.as_data())
        self.assertIsNone(browser.volumes_of(self.run_of('cae3d'), {}))
        none = {name: values[:0] for name, values in results.items()}
        self.assertIsNone(browser.volumes_of(self.run_of('dcgan3d'), none))

    def save_sample(self, iteration, tiles):
        """Save tiles of shape (rows, columns, height, width)."""
        os.makedirs(self.path('samples'), exist_ok=True)
        sheet = np.concatenate(np.concatenate(tiles, axis=1), axis=1)
        Image.fromarray(as_bytes(sheet).astype('uint8')).convert('RGBA').save(
            self.path('samples', f'iteration-{iteration:06}.png')
        )

    def test_samples_of_an_autoencoder(self):
        samples = {4: volume(0, (2, 2, 8, 6)), 12: volume(1, (2, 2, 8, 6))}
        for iteration, tiles in samples.items():
            self.save_sample(iteration, tiles)
        # Neither damaged pictures nor others matter.
        self.write('samples/iteration-000008.png', b'damaged')
        self.write('samples/mine.png', b'mine')
        self.save_sample(16, volume(1, (2, 3, 8, 6)))
        made = browser.samples_of(
            self.run_of('cae3d'),
            {**self.results(1), 'patients': ['test volume 7']},
        )
        self.assertEqual([stack.name for stack in made.stacks], ['5', '9'])
        self.assertIn('test volume 7', made.text)
        self.assertEqual(made.start, 1)
        for i, stack in enumerate(made.stacks):
            self.assertEqual(
                stack.labels, ('1, iteration 4', '3, iteration 12')
            )
            for k in range(2):
                for images, tiles in zip(stack.images[k], samples.values()):
                    np.testing.assert_array_equal(
                        as_bytes(images), as_bytes(tiles[k, i])
                    )

    def test_samples_of_a_gan(self):
        tiles = volume(0, (3, 3, 8, 6))
        self.save_sample(4, tiles)
        made = browser.samples_of(
            self.run_of('dcgan'), {'iterations_per_epoch': 4}
        )
        self.assertEqual(len(made.stacks), 10)
        together = imread(self.path('samples', 'iteration-000004.png'))
        np.testing.assert_allclose(
            made.stacks[0].images[0][0], together[..., 0], atol=1e-6
        )
        for i, stack in enumerate(made.stacks[1:]):
            np.testing.assert_array_equal(
                as_bytes(stack.images[0][0]), as_bytes(tiles[divmod(i, 3)])
            )
        self.assertEqual(made.panels, ('generated',))
        made.as_data()
        self.assertEqual((made.chooser, made.text[:7]), ('image', 'Images '))
        made = browser.samples_of(
            self.run_of('wgan_gp3d'), {'iterations_per_epoch': 4}
        )
        self.assertEqual(made.chooser, 'volume')
        self.assertIn('slices of volumes generated', made.text)


class PageTest(ChromiumTest):
    """The page in a web browser."""

    def open(self, *browsers, scripts=True):
        page = template_environment().from_string(PAGE)
        path = self.path('page.html')
        save_page(page.render(browsers=browsers), path)
        self.chromium.open(path, scripts=scripts)
        if scripts:
            self.chromium.wait_for(
                '!document.querySelector(".browser[hidden]")'
            )
            for name, value in ('black at', 0), ('white at', 255):
                self.move(name, value)

    def move(self, name, value):
        """Move a slider."""
        self.chromium.evaluate(
            f"""(() => {{
              const input = [...document.querySelectorAll('label')].find(
                (label) => label.firstChild.textContent === '{name}'
              ).querySelector('input');
              input.value = {value};
              input.dispatchEvent(new Event('input'));
            }})()"""
        )

    def shown(self):
        """The pixels of each view, shape (rows, columns, 3)."""
        views = self.chromium.evaluate(
            """[...document.querySelectorAll('.view canvas')].map((canvas) =>
              [canvas.height, canvas.width, Array.from(canvas.getContext('2d')
                .getImageData(0, 0, canvas.width, canvas.height).data)])"""
        )
        return [
            np.reshape(pixels, (height, width, 4))[..., :3]
            for height, width, pixels in views
        ]

    def text(self, selector):
        return self.chromium.evaluate(
            f"document.querySelector('{selector}').textContent"
        )

    def place(self, view, column, row):
        """Where a pixel of a view is on the screen."""
        return self.chromium.evaluate(
            f"""(() => {{
              const canvas = document.querySelectorAll('.view canvas')[{view}];
              canvas.scrollIntoView({{block: 'center'}});
              const box = canvas.getBoundingClientRect();
              return [box.x + ({column} + 0.5) / canvas.width * box.width,
                      box.y + ({row} + 0.5) / canvas.height * box.height];
            }})()"""
        )

    def assert_planes(self, number, slice_, row, column):
        """The nine views show planes of a volume through a voxel."""
        truth, made = two_volumes().stacks[number].images
        shown = self.shown()
        for k, values in enumerate((truth, made)):
            for view, plane in enumerate(
                [
                    values[slice_],
                    values[::-1, :, column].T,
                    values[::-1, row].T,
                ]
            ):
                grey = as_bytes(plane)[..., None].repeat(3, -1)
                np.testing.assert_array_equal(shown[3 * view + k], grey)

    def test_opens_without_requests_and_complaints(self):
        self.open(two_volumes())
        self.assertEqual(self.chromium.messages, [])
        (own,) = [
            address
            for address in self.chromium.requests
            if not address.startswith('data:')
        ]
        self.assertEqual(own, 'file://' + self.path('page.html'))
        self.assert_planes(0, 2, 4, 3)

    def test_sliders(self):
        self.open(two_volumes())
        for name, value in ('sagittal', 4), ('coronal', 0), ('axial', 7):
            self.move(name, value)
        self.assert_planes(0, 4, 7, 0)
        self.assertEqual(self.text('.slice .value'), 'slice 5 of 5')
        # As with the keys that each slider has by itself.
        self.chromium.evaluate(
            "document.querySelector('.slice input').focus()"
        )
        self.chromium.press('ArrowLeft')
        self.assert_planes(0, 3, 7, 0)

    def test_keys_on_a_view(self):
        self.open(two_volumes())
        self.chromium.evaluate(
            "document.querySelectorAll('.view canvas')[3].focus()"
        )
        self.chromium.press('ArrowUp')
        self.assert_planes(0, 2, 4, 4)
        for key, column in [
            ('ArrowLeft', 3),
            ('End', 5),
            ('ArrowRight', 5),
            ('Home', 0),
            ('PageUp', 5),
        ]:
            self.chromium.press(key)
            self.assert_planes(0, 2, 4, column)
        self.chromium.press('ArrowUp', shift=True)
        self.assertLess(self.shown()[0].max(), 256)
        self.assertGreater(
            self.shown()[0].mean(), as_bytes(volume(0)[2]).mean()
        )

    def test_the_tab_key_reaches_everything(self):
        self.open(two_volumes())
        reached = set()
        for _ in range(20):
            self.chromium.press('Tab')
            reached.add(
                self.chromium.evaluate('document.activeElement.tagName')
            )
        self.assertLessEqual({'SELECT', 'INPUT', 'BUTTON', 'CANVAS'}, reached)

    def test_errors(self):
        self.open(two_volumes())
        data = two_volumes().as_data()
        limit = data['errorLimit']
        self.move('error up to', 255)
        truth, made = two_volumes().stacks[0].images
        level = np.rint(255 * abs(truth - made)[2] / limit).astype(int)
        np.testing.assert_array_equal(
            self.shown()[2], colormaps['inferno'](level, bytes=True)[..., :3]
        )

    def test_click_moves_all_cursors(self):
        self.open(two_volumes())
        spot = self.place(3, 4, 6)  # coronal, mirrored
        self.chromium.drag(spot, spot)
        self.assert_planes(0, 0, 6, 3)
        truth, made = two_volumes().stacks[0].images
        self.assertEqual(
            self.text('.readout').partition(', absolute')[0],
            'slice 1, row 7, column 4: ground truth '
            f'{truth[0, 6, 3]:.2f}, reconstruction {made[0, 6, 3]:.2f}',
        )
        lines = self.chromium.evaluate(
            "[...document.querySelectorAll('.line')].map("
            '(line) => [line.style.left, line.style.top])'
        )
        self.assertEqual(lines[0][0], f'{100 * 3.5 / 6:.4f}'.rstrip('0') + '%')

    def test_drag_changes_the_window(self):
        self.open(two_volumes())
        before = self.shown()
        x, y = self.place(0, 2, 2)
        self.chromium.drag((x, y), (x + 60, y))  # less contrast
        after = self.shown()
        self.assertLessEqual(after[0].std(), before[0].std())
        self.chromium.drag((x, y), (x - 100, y - 40))  # more, and brighter
        self.assertGreater(self.shown()[0].mean(), after[0].mean())
        # Neither the errors nor the place have changed.
        np.testing.assert_array_equal(self.shown()[2], before[2])
        self.assertEqual(self.text('.slice .value'), 'slice 3 of 5')
        self.chromium.evaluate("document.querySelector('button').click()")
        self.move('white at', 255)
        self.assert_planes(0, 2, 4, 3)

    def test_another_volume(self):
        self.open(two_volumes())
        self.move('sagittal', 1)
        self.chromium.evaluate(
            """(() => {
              const select = document.querySelector('select');
              select.selectedIndex = 1;
              select.dispatchEvent(new Event('change'));
            })()"""
        )
        expected = as_bytes(volume(2)[1]).tolist()
        self.chromium.wait_for(
            f"""(() => {{
              const canvas = document.querySelector('.view canvas');
              const pixels = canvas.getContext('2d')
                .getImageData(0, 0, canvas.width, canvas.height).data;
              return {sum(expected, [])}.every(
                (value, i) => pixels[4 * i] === value);
            }})()"""
        )
        self.assert_planes(1, 1, 4, 3)

    def test_images_by_one_slider(self):
        images = volume(0, (7, 8, 6))
        self.open(
            Browser(
                'Images',
                '',
                'images',
                (Stack('all', (images,), tuple('abcdefg')),),
                ('epoch',),
                ('generated',),
                6,
            )
        )
        (shown,) = self.shown()
        np.testing.assert_array_equal(shown[..., 0], as_bytes(images[6]))
        self.assertEqual(self.text('.slice .value'), 'g')
        self.move('epoch', 2)
        np.testing.assert_array_equal(
            self.shown()[0][..., 1], as_bytes(images[2])
        )
        self.assertFalse(
            self.chromium.evaluate("!!document.querySelector('select')")
        )

    def visible(self, selector):
        return self.chromium.evaluate(
            f"!!document.querySelector('{selector}').getClientRects().length"
        )

    def test_without_scripts_and_on_paper(self):
        self.open(two_volumes(), scripts=False)
        self.assertFalse(self.visible('.browser'))
        self.assertTrue(self.visible('#static'))
        self.open(two_volumes())
        self.assertTrue(self.visible('.browser'))
        self.chromium.emulate('print')
        self.addCleanup(self.chromium.emulate, '')
        self.assertFalse(self.visible('.browser'))
        self.assertTrue(self.visible('#static'))
