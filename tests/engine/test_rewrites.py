"""The table of rewrites, and which of them a mode applies, by the module
optimizer."""

import unittest

from tests.engine.compare import torch, torch_mode

if torch:
    from theano.compile import optdb

    from kneerepro.engine.rewrites import REWRITES


@unittest.skipUnless(torch, 'PyTorch is not installed')
class RewritesTest(unittest.TestCase):
    def names_in(self, mode):
        """The engine's rewrites that a mode applies, in their order."""
        names = [rewrite.name for rewrite in REWRITES]
        return [
            optimizer.name
            for optimizer in optdb.query(mode.provided_optimizer)
            if optimizer.name in names
        ]

    def test_table_is_in_order(self):
        keys = [(rewrite.position, rewrite.name) for rewrite in REWRITES]
        self.assertEqual(keys, sorted(set(keys)))

    def test_all_are_registered(self):
        for rewrite in REWRITES:
            with self.subTest(rewrite.name):
                self.assertEqual(
                    optdb.__position__[rewrite.name], rewrite.position
                )
                for tag in rewrite.tags:
                    self.assertIn(rewrite.optimizer, optdb.__db__[tag])

    def test_each_device_gets_its_own(self):
        for device, other in ('cpu', 'cuda'), ('cuda', 'cpu'):
            for precision in 'float32', 'bf16':
                with self.subTest(device, precision=precision):
                    mode = torch_mode(device, precision, cuda_graphs=False)
                    expected = [
                        rewrite.name
                        for rewrite in REWRITES
                        if rewrite.device != other
                        and (
                            precision == 'bf16'
                            or rewrite.name != 'torch_products'
                        )
                    ]
                    self.assertEqual(self.names_in(mode), expected)

    def test_modes_can_exclude_them(self):
        mode = torch_mode('cpu')
        self.assertIn('torch_sums', self.names_in(mode))
        self.assertNotIn(
            'torch_sums', self.names_in(mode.excluding('torch_sums'))
        )
        self.assertEqual(self.names_in(mode.excluding('torch')), [])
