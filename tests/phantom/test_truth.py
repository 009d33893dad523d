from kneerepro.phantom.truth import epicondylar_widths
from kneerepro.phantom.writer import write_patients
from tests.folders import FolderTest


class WidthsTest(FolderTest):
    def test_written_ones(self):
        write_patients(self.folder, 2, matrix=16, slices=2)
        widths = epicondylar_widths(self.folder)
        self.assertEqual(set(widths), {'0000001', '0000002'})
        for width in widths.values():
            self.assertTrue(60 < width < 100)

    def test_no_table(self):
        self.assertEqual(epicondylar_widths(self.folder), {})
        self.assertEqual(epicondylar_widths(self.path('none')), {})
        for text in (
            'participant\n1\n',
            'a,b\n1,2\n',
            '\xff\xfe',
            '',
            'participant,epicondylar_width_mm\n1,wide\n',
        ):
            self.write('ground_truth.csv', text)
            self.assertEqual(epicondylar_widths(self.folder), {}, text)
        self.write(
            'ground_truth.csv',
            'participant,epicondylar_width_mm\n1,nan\n2,80\n',
        )
        self.assertEqual(epicondylar_widths(self.folder), {'2': 80})
