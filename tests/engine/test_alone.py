import os
import shutil
import tempfile

from tests.engine.compare import EngineTest
from tests.subprocesses import ROOT, run_python

# Unmodified Theano needs kneerepro to be imported at all; the engine, of which
# this is a copy, needs nothing from it.
CODE = """if True:
    import sys
    import kneerepro                        # makes Theano importable
    import theano
    rest = {name for name in sys.modules if name.startswith('kneerepro')}
    sys.path.insert(0, sys.argv[1])
    import theano.tensor as T
    from another_name import torch_mode
    x, w = T.matrix(), theano.shared(2.)
    y = T.nnet.softmax(T.dot(x, x.T) * w)
    f = theano.function([x], y, mode=torch_mode('cpu'), updates=[(w, w + 1)])
    assert abs(f([[1, 2], [3, 4]]).sum() - 2) < 1e-6
    new = {name for name in sys.modules if name.startswith('kneerepro')}
    assert new == rest, new - rest
    """


class AloneTest(EngineTest):
    def test_under_another_name(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(
                os.path.join(ROOT, 'kneerepro', 'engine'),
                os.path.join(folder, 'another_name'),
            )
            found = run_python(CODE, '-W', 'default', arguments=[folder])
        self.assertEqual(found.returncode, 0, found.stderr)
