import os

import numpy as np
import theano
import theano.tensor as T
from theano.compile.mode import Mode
from theano.sandbox import rng_mrg
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

from tests.engine.compare import FLOATS, EngineTest
from tests.modes import NEEDS_C_CODE

# Samples from L'Ecuyer's own program, which come with Theano: 5 from each of 7
# substreams of 12 streams.
SAMPLES = os.path.join(
    os.path.dirname(rng_mrg.__file__), 'samples_MRG31k3p_12_7_5.txt'
)


class StreamsTest(EngineTest):
    # Theano's Python multiplies integers by a single-precision factor in
    # double precision. Its C code does not, and neither does the engine.
    PRECISION = 1e-6

    def check(self, draw, calls=3):
        """What `draw` returns, and the states afterwards, are Theano's."""

        def run(mode):
            streams = MRG_RandomStreams(123)
            f = theano.function([], draw(streams), mode=mode)
            found = sum((f() for _ in range(calls)), [])
            return found + [
                state.get_value() for state, *_ in streams.state_updates
            ]

        self.assert_same_run(run, self.PRECISION)

    def test_uniform(self):
        for dtype in FLOATS + ['float16']:
            self.check(
                lambda streams: [
                    streams.uniform(size, dtype=dtype, nstreams=nstreams)
                    for size, nstreams in [
                        ((3, 4), None),
                        ((3, 4), 5),
                        ((5,), 5),
                        ((7,), 1),
                        ((2, 3, 2), 100),
                        ((1,), 3),
                    ]
                ]
            )

    def test_ranges(self):
        self.check(
            lambda streams: [
                streams.uniform((4, 3), -2, 3, nstreams=7),
                streams.uniform((4,), 1, 2, nstreams=7),
            ]
        )

    def test_integers(self):
        p = np.float32([[0.1, 0.2, 0.3, 0.4]] * 3)
        self.check(
            lambda streams: [
                streams.binomial((5, 4), p=0.3, nstreams=7),
                streams.binomial((5, 4), p=0.7, dtype='float32', nstreams=7),
                streams.multinomial(pvals=p, nstreams=7),
                streams.multinomial(n=5, pvals=p, dtype='float32', nstreams=7),
                streams.choice(size=2, replace=False, p=p, nstreams=7),
            ]
        )

    def test_symbolic_sizes(self):
        def run(mode):
            n, x = T.lscalar(), T.matrix()
            streams = MRG_RandomStreams(5)
            f = theano.function(
                [n, x],
                [
                    streams.uniform((n, 3), nstreams=7),
                    streams.uniform(x.shape, nstreams=20),
                ],
                mode=mode,
            )
            return sum(
                (
                    f(size, np.zeros((size, 2), 'float32'))
                    for size in (2, 70, 5)
                ),
                [],
            )

        self.assert_same_run(run, self.PRECISION)

    def test_impossible_sizes(self):
        state = theano.shared(
            MRG_RandomStreams(7).get_substream_rstates(60, 'float32')
        )
        size = T.lvector()
        sample = rng_mrg.mrg_uniform.new(state, 2, 'float32', size)[1]
        # Theano's Python code raises TypeError for the wrong length.
        for function in self.compiled([size], sample)[1:]:
            for wrong in (6,), (1, 2, 3), ():
                with self.assertRaisesRegex(
                    ValueError, f'length {len(wrong)}, but .* 2 dimensions'
                ):
                    function(np.array(wrong, 'int64'))
        for wrong in (-1, 2), (2, -1), (-2, -3):
            self.assert_refused(ValueError, [size], sample, np.array(wrong))

    def test_published_samples(self):
        for mode in self.modes():
            state, samples = np.array([12345] * 6, dtype='int32'), []
            for _ in range(12):
                states = [state]
                for _ in range(6):
                    states.append(rng_mrg.ff_2p72(states[-1]))
                shared = theano.shared(np.array(states))
                new, sample = rng_mrg.mrg_uniform.new(
                    shared, ndim=None, dtype='float64', size=(7,)
                )
                f = theano.function(
                    [], sample, mode=mode, updates=[(shared, new)]
                )
                samples.append(np.array([f() for _ in range(5)]).T.ravel())
                state = rng_mrg.ff_2p134(state)
            np.testing.assert_allclose(
                np.ravel(samples), np.loadtxt(SAMPLES), rtol=0, atol=1e-9
            )

    @NEEDS_C_CODE
    def test_compiled_by_theano(self):
        for dtype in FLOATS:

            def run(mode):
                state = theano.shared(
                    MRG_RandomStreams(7).get_substream_rstates(60, dtype)
                )
                new, sample = rng_mrg.mrg_uniform.new(
                    state, ndim=None, dtype=dtype, size=(1000,)
                )
                f = theano.function(
                    [], sample, mode=mode, updates=[(state, new)]
                )
                return [f(), f(), state.get_value()]

            expected = run(Mode('c|py', None))
            for mode in self.modes():
                for a, b in zip(run(mode), expected):
                    self.assertEqual(a.tobytes(), b.tobytes())


class NormalTest(EngineTest):
    def test_normal(self):
        def run(mode):
            streams = MRG_RandomStreams(123)
            f = theano.function(
                [],
                [
                    streams.normal((3, 4), nstreams=7),
                    streams.normal((5,), 2, 3, nstreams=7),
                    streams.normal((7, 9), dtype='float64', nstreams=7),
                    streams.truncated_normal((5, 3), nstreams=7),
                ],
                mode=mode,
            )
            return f() + f()

        # In the logarithm of a number just below 1, few of the digits are left
        # in which Theano's Python and the engine agree.
        self.assert_same_run(run, tolerance=1e-4)

    def test_in_a_graph(self):
        def run(mode):
            streams, x = MRG_RandomStreams(3), T.matrix()
            noisy = x + 0.1 * streams.normal(x.shape, nstreams=7)
            dropped = noisy * streams.binomial(x.shape, p=0.5, nstreams=7)
            f = theano.function(
                [x], [noisy, dropped, T.grad(T.sum(dropped**2), x)], mode=mode
            )
            x = np.ones((3, 4), 'float32')
            return f(x) + f(x)

        self.assert_same_run(run, tolerance=1e-4)  # as in test_normal


class RandomStateTest(EngineTest):
    """NumPy's generator, as Theano's RandomStreams uses it."""

    def test_distributions(self):
        def run(mode):
            streams = RandomStreams(seed=17)
            f = theano.function(
                [],
                [
                    streams.uniform((3, 4)),
                    streams.normal((5,), 1, 2),
                    streams.binomial((4,), 3, 0.4),
                    streams.random_integers((6,), 0, 9),
                    streams.permutation((2,), 5),
                    streams.multinomial((2,), 3, [0.2, 0.8]),
                ],
                mode=mode,
            )
            return f() + f()

        self.assert_same_run(run)

    def test_shuffled_rows(self):
        def run(mode):
            streams, x = RandomStreams(seed=3), T.matrix()
            f = theano.function(
                [x], streams.shuffle_row_elements(x), mode=mode
            )
            x = np.arange(12, dtype='float32').reshape(3, 4)
            return [f(x), f(x)]

        self.assert_same_run(run)

    def test_seeded_again(self):
        for mode in self.modes():
            streams = RandomStreams(seed=3)
            f = theano.function([], streams.uniform((4,)), mode=mode)
            first, second = f(), f()
            self.assertTrue((first != second).all())
            streams.seed(3)
            np.testing.assert_array_equal(f(), first)
