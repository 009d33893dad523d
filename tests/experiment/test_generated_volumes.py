import unittest
from unittest import mock

import numpy as np

from kneerepro.experiment import generated_volumes
from kneerepro.experiment.generated_volumes import GeneratedVolumes

SHAPE = 4, 6, 5
REAL = np.random.RandomState(0).rand(9, 1, *SHAPE)
WEIGHTS = np.random.RandomState(1).rand(7, *SHAPE)


class GeneratedVolumesTest(unittest.TestCase):
    def setUp(self):
        self.experiment = mock.Mock(
            parameters={'seed': 3, 'nz': 7},
            sample_training=lambda count: REAL[:count],
        )
        # A generator whose volumes are sums of seven volumes.
        self.generate = mock.Mock(
            side_effect=lambda z: np.tensordot(z, WEIGHTS, 1)[:, None]
        )
        self.volumes = GeneratedVolumes(self.experiment, self.generate)
        rng = np.random.RandomState(3)
        self.made = np.tensordot(
            rng.normal(size=(9, 7)).astype('float32'), WEIGHTS, 1
        )

    def keep(self, **what):
        """What :meth:`keep` records and saves at epoch 5."""
        training = mock.Mock(epoch=5)
        self.volumes.keep(training, **what)
        recorded = [call.kwargs for call in training.record.mock_calls]
        saved = [call.args for call in self.experiment.save_sample.mock_calls]
        self.assertTrue(all(by is training for by, _ in saved))
        return recorded, [tiles for _, tiles in saved]

    def test_neither(self):
        self.assertEqual(self.keep(shown=False, sampled=False), ([], []))
        self.generate.assert_not_called()

    def test_shown(self):
        (recorded,), saved = self.keep(shown=True, sampled=False)
        self.assertEqual(saved, [])
        self.assertEqual(recorded.pop('shown_epochs'), 5)
        self.assertEqual(
            {name: planes.shape for name, planes in recorded.items()},
            {
                'over_time_sagittal': (9, 6, 5),
                'over_time_coronal': (9, 6, 4),
                'over_time_axial': (9, 5, 4),
            },
        )
        np.testing.assert_array_equal(
            recorded['over_time_sagittal'], self.made[:, 2]
        )

    def test_sampled(self):
        recorded, (tiles,) = self.keep(shown=False, sampled=True)
        self.assertEqual(recorded, [])
        self.assertEqual(tiles.shape, (3, 3, 6, 5))
        np.testing.assert_array_equal(tiles[1, 2], self.made[5, 2])

    def test_generates_once_for_both(self):
        (recorded,), (tiles,) = self.keep(shown=True, sampled=True)
        self.generate.assert_called_once()
        np.testing.assert_array_equal(
            recorded['over_time_sagittal'], tiles.reshape(9, 6, 5)
        )

    def test_results(self):
        results = self.volumes.results()
        np.testing.assert_array_equal(results['real_sagittal'], REAL[:, 0, 2])
        np.testing.assert_array_equal(
            results['generated_axial'], self.made[:, :, 3].swapaxes(1, 2)
        )
        for kind, volumes in ('generated', self.made), ('real', REAL[:, 0]):
            browsed = results[f'browsed_{kind}']
            self.assertEqual(browsed.dtype, 'float16')
            np.testing.assert_allclose(
                browsed, volumes[: len(browsed)], rtol=1e-3
            )

    def test_as_many_as_a_page_holds(self):
        for fitting, counts in (9, (3, 2)), (4, (3, 1)), (2, (2, 0)):
            with mock.patch.object(
                generated_volumes.browser, 'how_many', return_value=fitting
            ):
                results = self.volumes.results()
            self.assertEqual(
                tuple(
                    len(results[f'browsed_{kind}'])
                    for kind in ('generated', 'real')
                ),
                counts,
            )


if __name__ == '__main__':
    unittest.main()
