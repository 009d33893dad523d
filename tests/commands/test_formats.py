import argparse
from unittest import TestCase

from kneerepro.commands import formats


class FormatsTest(TestCase):
    def parse(self, *argv):
        parser = argparse.ArgumentParser(exit_on_error=False)
        formats.add_argument(parser, 'x')
        return parser.parse_args(argv).format

    def test_names(self):
        self.assertEqual(self.parse(), ['npy'])
        self.assertEqual(self.parse('--format', 'dicom'), ['dicom'])
        self.assertEqual(
            self.parse('--format', 'nifti,npy,nifti'), ['nifti', 'npy']
        )
        with self.assertRaisesRegex(
            argparse.ArgumentError, 'tiff is not one of npy, nifti, dicom'
        ):
            self.parse('--format', 'nifti,tiff')

    def test_paths(self):
        self.assertEqual(
            formats.paths(['dicom', 'npy'], 'a'),
            ['a/dicom/', 'a/reconstruction.npy', 'a/squared_error.npy'],
        )
