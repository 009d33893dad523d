import itertools

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine import layout


def strides(shape, channels_last):
    """The strides of a dense tensor, written out."""
    order = (
        [0, *range(2, len(shape)), 1] if channels_last else range(len(shape))
    )
    result, step = [0] * len(shape), 1
    for axis in reversed(order):
        result[axis] = step
        step *= shape[axis]
    return tuple(result)


class ChannelsLastTest(EngineTest):
    def test_values_stay_and_strides_change(self):
        for batch, channels, n in itertools.product([1, 3], [1, 4], [2, 3]):
            shape = (batch, channels, *(5, 6, 7)[:n])
            x = torch.randn(shape)
            transposed = x.movedim(1, 0).contiguous().movedim(0, 1)
            for given in x, transposed, x.flip(2), x[..., ::2]:
                found = layout.channels_last(given)
                self.assertTrue(torch.equal(found, given))
                self.assertEqual(
                    found.stride(), strides(given.shape, channels_last=True)
                )

    def test_nothing_is_copied_twice(self):
        for shape in (2, 4, 5, 6), (2, 1, 5, 6), (2, 4, 5, 6, 7):
            once = layout.channels_last(torch.randn(shape))
            twice = layout.channels_last(once)
            self.assertEqual(once.data_ptr(), twice.data_ptr())

    def test_only_images_and_filters_are_preferred_so(self):
        images, matrix = torch.randn(2, 3, 4, 5), torch.randn(2, 3)
        self.assertIs(layout.preferred_layout(matrix), matrix)
        self.assertEqual(
            layout.preferred_layout(images).stride(),
            strides(images.shape, channels_last=True),
        )

    def test_channels_to_end(self):
        x = torch.randn(2, 3, 4, 5)
        found = layout.channels_to_end(x)
        self.assertTrue(found.is_contiguous())
        self.assertTrue(torch.equal(found, x.permute(0, 2, 3, 1)))


class MemoryOrderTest(EngineTest):
    def test_from_far_to_close(self):
        x = torch.empty(2, 3, 4)
        self.assertEqual(layout.memory_order(x), [0, 1, 2])
        self.assertEqual(layout.memory_order(x.permute(2, 0, 1)), [1, 2, 0])

    def test_contiguous_tensors_stay(self):
        x = torch.randn(2, 3)
        self.assertIs(layout.as_contiguous(x), x)

    def test_zeros_keep_their_memory(self):
        zeros = torch.zeros(2, 3).t()
        found = layout.as_contiguous(zeros)
        self.assertTrue(found.is_contiguous())
        self.assertEqual(found.shape, (3, 2))
        self.assertEqual(found.data_ptr(), zeros.data_ptr())

    def test_others_are_copied(self):
        for x in torch.randn(2, 3).t(), torch.zeros(4, 6)[:, ::2]:
            found = layout.as_contiguous(x)
            self.assertTrue(found.is_contiguous())
            self.assertTrue(torch.equal(found, x))
            self.assertNotEqual(found.data_ptr(), x.data_ptr())
