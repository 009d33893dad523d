import io
import warnings

import theano
import theano.tensor as T

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values
from tests.engine.test_fallback import Doubled


class ProfileTest(EngineTest):
    def test_lists_operations_with_their_times(self):
        x = T.matrix('x')
        y = T.dot(Doubled()(x), x.T)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            f = theano.function([x], y, mode=torch_mode(DEVICE), profile=True)
        for _ in range(3):
            f(values('float32', 200, 200))
        profile = f.profile
        nodes = f.maker.fgraph.apply_nodes
        self.assertEqual(set(profile.apply_time), set(nodes))
        for node in nodes:
            self.assertEqual(profile.apply_callcount[node], 3, node)
            self.assertGreater(profile.apply_time[node], 0, node)
            # Whether the engine has a kernel.
            self.assertEqual(
                profile.apply_cimpl[node], not isinstance(node.op, Doubled)
            )
        total = sum(profile.apply_time.values())
        self.assertLess(total, profile.fct_call_time)
        text = io.StringIO()
        profile.summary(file=text)
        for name in 'Doubled', 'Dot':
            self.assertIn(name, text.getvalue())
        profile.reset()  # otherwise Theano prints it at the end

    def test_loops(self):
        x = T.vector('x')
        y, _ = theano.scan(lambda a, b: a + b, x, T.zeros((), x.dtype))
        f = theano.function([x], y, mode=torch_mode(DEVICE), profile=True)
        f(values(x.dtype, 5))
        text = io.StringIO()
        f.profile.summary(file=text)
        self.assertIn('for{cpu,scan_fn}', text.getvalue())
        f.profile.reset()
