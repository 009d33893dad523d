from kneerepro.data.label_report import (
    describe_labels,
    unmatched_path,
    write_unmatched,
)
from kneerepro.data.label_table import read_labels
from kneerepro.data.labels import Knee, join
from tests.folders import FolderTest


class LabelReportTest(FolderTest):
    def join(self, text, *knees):
        self.source = self.write('labels.csv', text)
        return join(read_labels(self.source), [Knee(*knee) for knee in knees])

    def test_all_matched(self):
        joined = self.join('id,x\nA,1\n', ('A', 'LEFT'))
        self.assertEqual(
            list(describe_labels(joined)),
            [
                f'labels of 1 of 1 volumes, from {self.source} (patient: '
                "'id'; columns: 1)",
                '  volumes without a label: 0',
                '  rows without a volume: 0',
            ],
        )

    def test_unmatched(self):
        joined = self.join(
            'ID|SIDE|READPRJ|visit|x\n'
            'A|1|15|V00|1\nA|1|37|V00|2\nA|2|37|V00|2\nC|2|15|V00|3\n'
            'D|2|15|V00|3\n',
            ('A', 'RIGHT', 0),
            ('B', 'LEFT', 1),
            ('', 'LEFT'),
        )
        first, *others = describe_labels(joined)
        self.assertIn('labels of 1 of 3 volumes', first)
        self.assertIn(
            "side: 'SIDE', 1 right and 2 left; visit: 'visit'; columns: 3",
            first,
        )
        self.assertEqual(
            others,
            [
                '  volumes with readings of several projects, of which '
                'READPRJ 15 comes before 37 and 42: 1',
                '  volumes without a label: 2 (no row of this patient: 1, '
                'no PatientID: 1)',
                '  rows without a volume: 3 (no volume of this patient: 2, '
                'no volume of this knee: 1)',
            ],
        )
        path = self.path('out', 'unmatched.csv')
        write_unmatched(path, joined.unmatched, str.lower)
        self.assertEqual(
            self.read('out/unmatched.csv').decode(),
            'kind,volume_or_line,patient,side,visit,reason\n'
            'volume,1,b,LEFT,V01,no row of this patient\n'
            'volume,2,,LEFT,,no PatientID\n'
            'row,4,a,LEFT,V00,no volume of this knee\n'
            'row,5,c,LEFT,V00,no volume of this patient\n'
            'row,6,d,LEFT,V00,no volume of this patient\n',
        )

    def test_text_of_the_table(self):
        """It ends no line, and is no formula."""
        joined = self.join(
            'id,visit,x\nA,V00,1\nB,"=1+\n1",2\n', ('A', 'LEFT')
        )
        path = self.path('unmatched.csv')
        write_unmatched(path, joined.unmatched, str)
        self.assertEqual(
            self.read('unmatched.csv').decode().splitlines()[1:],
            ["row,4,B,,'=1+\\n1,no volume of this patient"],
        )

    def test_path(self):
        self.assertEqual(unmatched_path('a/knees.h5'), 'a/knees.labels.csv')
