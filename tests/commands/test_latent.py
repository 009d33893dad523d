import os
from unittest import mock

import numpy as np
from matplotlib.image import imread

from kneerepro import runs
from kneerepro.commands import latent
from kneerepro.data.dataset import Dataset
from kneerepro.runs import zoo
from tests.commands.common import SHAPE, CommandTest
from tests.modes import ON_ENGINE

FILES = ['codes.pdf', 'codes.png', 'interpolation.pdf', 'interpolation.png']


class LatentTest(CommandTest):
    def setUp(self):
        super().setUp()
        patch = mock.patch(
            'kneerepro.commands.latent.Engine',
            return_value=mock.Mock(mode=ON_ENGINE),
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.shown = {}

        def draw(rows, headings, *others):
            self.shown = {'rows': rows, 'headings': headings}
            return real(rows, headings, *others)

        real = latent.latent.interpolation
        patch = mock.patch.object(latent.latent, 'interpolation', draw)
        patch.start()
        self.addCleanup(patch.stop)

    def run_of(self, experiment, shape=SHAPE, **changes):
        """A run on a dataset of real images that lies beside it."""
        folder = self.finished_run(experiment, shape, **changes)
        name = f'runs/datasets/{experiment}.h5'
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with Dataset(self.dataset(shape, name)) as dataset:
            data = {
                **runs.Run(folder).settings['data'],
                'hash': dataset.hash,
                'synthetic': False,
            }
            self.volumes = dataset.volumes[:][:, 0]
        self.rewrite(folder, data=data)
        return folder

    def check_files(self, folder):
        folder = os.path.join(folder, 'latent')
        self.assertEqual(sorted(os.listdir(folder)), FILES)
        for name in 'codes.png', 'interpolation.png':
            image = imread(os.path.join(folder, name))
            self.assertGreater(image[..., 0].std(), 0.03)

    def test_between_volumes(self):
        folder = self.run_of('cae3d')
        stdout, _ = self.call(
            *('latent', '--run', folder, '--between', '0', '2'),
            *('--steps', '3'),
        )
        self.assertEqual(stdout.count('wrote '), 4)
        self.check_files(folder)
        rows, headings = self.shown['rows'], self.shown['headings']
        self.assertEqual(
            headings, ['volume 0', '0%', '50%', '100%', 'volume 2']
        )
        self.assertEqual(list(rows), ['sagittal', 'coronal', 'axial'])
        first, last = self.volumes[0], self.volumes[2]
        for images, plane in zip(
            rows.values(),
            (lambda v: v[8], lambda v: v[:, :, 8].T, lambda v: v[:, 8].T),
        ):
            np.testing.assert_array_equal(images[0], plane(first))
            np.testing.assert_array_equal(images[-1], plane(last))
        # The ends of the way are the reconstructions.
        model = zoo.load(os.path.join(folder, 'model.npz'))
        reconstruct = latent.compile_through(model.networks, ON_ENGINE)
        np.testing.assert_allclose(
            rows['sagittal'][1],
            reconstruct(first[None, None])[0, 0, 8],
            rtol=1e-5,
        )

    def test_between_slices(self):
        folder = self.run_of('cae2d')
        self.call('latent', '--run', folder, '--steps', '2')
        self.check_files(folder)
        self.assertEqual(list(self.shown['rows']), ['image'])
        images = self.shown['rows']['image']
        self.assertEqual(len(images), 4)
        middles = self.volumes[:, 8]
        self.assertTrue(any((images[0] == image).all() for image in middles))

    def test_between_noise(self):
        folder = self.run_of('dcgan', (2, 64, 64))
        self.call('latent', '--run', folder, '--steps', '3', '--seed', '5')
        self.check_files(folder)
        images = self.shown['rows']['image']
        model = zoo.load(os.path.join(folder, 'model.npz'))
        generate = latent.compile_through(model.networks[:1], ON_ENGINE)
        z = np.random.RandomState(5).normal(size=(2, 4)).astype('float32')
        np.testing.assert_allclose(
            images[::2], generate(z)[:, 0], rtol=1e-4, atol=1e-6
        )

    def test_between_noise_of_volumes(self):
        folder = self.run_of('dcgan3d', width=0.002)
        self.call('latent', '--run', folder, '--steps', '3', '--seed', '5')
        self.check_files(folder)
        rows = self.shown['rows']
        self.assertEqual(list(rows), ['sagittal', 'coronal', 'axial'])
        model = zoo.load(os.path.join(folder, 'model.npz'))
        generate = latent.compile_through(model.networks[:1], ON_ENGINE)
        z = np.random.RandomState(5).normal(size=(2, 4)).astype('float32')
        np.testing.assert_allclose(
            rows['axial'][::2],
            generate(z)[:, 0, :, 8].swapaxes(1, 2),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_all_runs(self):
        self.run_of('cae3d')
        stdout, _ = self.call('latent', '--out', self.path('runs'))
        self.assertEqual(stdout.count('wrote '), 4)

    def test_refused(self):
        folder = self.run_of('cae3d')
        for message, *argv in [
            ('no volume 3: .* from 0 to 2', '--between', '0', '3'),
            ('at least 2', '--steps', '1'),
            ('no label age', '--label', 'age'),
        ]:
            self.assert_refused(message, 'latent', '--run', folder, *argv)
        self.assert_refused(
            'no finished run', 'latent', '--out', self.path('empty')
        )
        os.remove(self.path('runs/datasets/cae3d.h5'))
        self.assert_refused('moved or deleted', 'latent', '--run', folder)
