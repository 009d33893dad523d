import unittest
from dataclasses import fields

from kneerepro.phantom.anatomy import Anatomy, sample_anatomy


class AnatomyTest(unittest.TestCase):
    def test_depends_on_seed_and_patient(self):
        self.assertEqual(sample_anatomy(1, 2), sample_anatomy(1, 2))
        self.assertNotEqual(sample_anatomy(1, 2), sample_anatomy(2, 1))
        self.assertNotEqual(sample_anatomy(1, 2), sample_anatomy(1, 3))

    def test_everything_varies(self):
        people = [sample_anatomy(0, i) for i in range(40)]
        for field in fields(Anatomy):
            values = {getattr(person, field.name) for person in people}
            self.assertGreater(len(values), 1, field.name)
        self.assertEqual({person.side for person in people}, {'LEFT', 'RIGHT'})
