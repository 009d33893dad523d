import unittest

from kneerepro.data.reading.sides import side_at, side_in_words


class SidesTest(unittest.TestCase):
    def test_words(self):
        for text, side in [
            ('SAG_3D_DESS_LEFT', 'LEFT'),
            ('9001104-right.nii.gz', 'RIGHT'),
            ('Sag right knee', 'RIGHT'),
            ('left2.nii', 'LEFT'),
            ('left and right', ''),
            ('leftover copyright', ''),
            ('', ''),
        ]:
            self.assertEqual(side_in_words(text), side, text)

    def test_place(self):
        for x, side in [
            (100.0, 'LEFT'),
            (30.0, 'LEFT'),
            (29.9, ''),
            (0.0, ''),
            (-29.9, ''),
            (-30.0, 'RIGHT'),
        ]:
            self.assertEqual(side_at(x), side, x)
