from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.kernels import signed_sums


class SignedSumsTest(EngineTest):
    def test_every(self):
        x = torch.arange(20.0).reshape(2, 10)
        self.assertEqual(
            x[signed_sums.every(1, 2, 3, 2)].tolist(), [[2, 5], [12, 15]]
        )

    def test_sums(self):
        a, b, c = torch.ones(2), torch.full((2,), 5.0), torch.full((2,), 20.0)
        for terms, total in [
            ([(1, a)], 1),
            ([(1, a), (1, b)], 6),
            ([(-1, a), (1, b)], 4),
            ([(-1, a), (-1, b), (1, c)], 14),
        ]:
            target = torch.full((2,), 100.0)
            signed_sums.write_sum(terms, target)
            self.assertEqual(target.tolist(), [total] * 2)
            signed_sums.add_sum(terms, target)
            self.assertEqual(target.tolist(), [2 * total] * 2)

    def test_neighbours(self):
        # Two points and one phase; tiles of two elements.
        x = torch.tensor([1.0, 2, 4, 8, 16]).reshape(1, 5, 1, 1)
        found = signed_sums.neighbour_sums(
            x,
            dim=1,
            step=2,
            count=2,
            terms=[[[(0, 1), (2, -1)]], [[(1, 1)]]],
        )
        self.assertEqual(found.shape, (2, 2, 1, 1))
        self.assertEqual(found.flatten().tolist(), [-3, -12, 2, 8])
