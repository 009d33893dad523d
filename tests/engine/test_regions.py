import theano.tensor as T
from theano.gof import FunctionGraph
from theano.ifelse import ifelse

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.regions import regions_of


class RegionsTest(EngineTest):
    def setUp(self):
        self.a, self.b, self.x = T.lscalar(), T.lscalar(), T.vector()

    def regions(self, *outputs):
        graph = FunctionGraph(
            [self.a, self.b, self.x], list(outputs), clone=False
        )
        return regions_of(graph.toposort(), graph.outputs)

    def test_branches(self):
        first, second = T.exp(self.x), T.tanh(self.x)
        condition = T.gt(self.a, self.b)
        y = ifelse(condition, first, second)
        regions = self.regions(y)
        self.assertEqual(regions[first.owner], (y.owner, 0))
        self.assertEqual(regions[second.owner], (y.owner, 1))
        self.assertIsNone(regions[condition.owner])
        self.assertIsNone(regions[y.owner])

    def test_several_outputs(self):
        results = [f(self.x) for f in (T.exp, T.tanh, T.sqr, T.sgn)]
        y, _ = pair = ifelse(self.a, results[:2], results[2:])
        regions = self.regions(*pair)
        self.assertEqual(
            [regions[result.owner] for result in results],
            [(y.owner, 0), (y.owner, 0), (y.owner, 1), (y.owner, 1)],
        )

    def test_nested(self):
        first, second, third = T.exp(self.x), T.tanh(self.x), T.sqr(self.x)
        # Both branches of the inner one need this.
        both = T.sgn(self.x)
        inner = ifelse(self.b, first + both, second * both)
        y = ifelse(self.a, third, inner)
        regions = self.regions(y)
        self.assertEqual(regions[first.owner], (inner.owner, 0))
        self.assertEqual(regions[second.owner], (inner.owner, 1))
        self.assertEqual(regions[both.owner], (y.owner, 1))
        self.assertEqual(regions[inner.owner], (y.owner, 1))
        self.assertEqual(regions[third.owner], (y.owner, 0))

    def test_also_needed_outside(self):
        first, both = T.exp(self.x), T.tanh(self.x)
        y = ifelse(self.a, first * both, both)
        regions = self.regions(y, first)
        self.assertIsNone(regions[first.owner])
        self.assertIsNone(regions[both.owner])
        self.assertEqual(regions[y.owner.inputs[1].owner], (y.owner, 0))
