import os
from unittest import mock

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine import flags


class FlagsTest(EngineTest):
    def test_last_mode_counts(self):
        for text, expected in [
            ('', False),
            ('mode=TORCH', True),
            ('floatX=float32, mode = TORCH ,cxx=', True),
            ('mode=FAST_RUN,mode=TORCH', True),
            ('mode=TORCH,mode=FAST_RUN', False),
            ('compute_mode=TORCH', False),
            ('mode=TORCHY', False),
        ]:
            with (
                self.subTest(text),
                mock.patch.dict(os.environ, THEANO_FLAGS=text),
            ):
                self.assertEqual(flags.requests_torch_mode(), expected)

    def test_without_flags(self):
        with mock.patch.dict(os.environ):
            os.environ.pop('THEANO_FLAGS', None)
            self.assertFalse(flags.requests_torch_mode())
            with flags.hide_torch_mode():
                self.assertNotIn('THEANO_FLAGS', os.environ)

    def test_hidden_only_within(self):
        text = 'mode=Mode,mode=TORCH'
        with mock.patch.dict(os.environ, THEANO_FLAGS=text):
            with flags.hide_torch_mode():
                self.assertFalse(flags.requests_torch_mode())
                os.environ['THEANO_FLAGS'] += ',floatX=float64'
            self.assertEqual(
                os.environ['THEANO_FLAGS'], text + ',floatX=float64'
            )
