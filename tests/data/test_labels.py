import unittest

import numpy as np

from kneerepro.data.label_table import read_labels
from kneerepro.data.labels import (
    NO_KNEE,
    NO_PATIENT,
    NO_PATIENT_ID,
    NO_VISIT,
    NO_VOLUME,
    NO_VOLUME_OF_KNEE,
    NO_VOLUME_OF_VISIT,
    SEVERAL_VISITS,
    SIDE_UNKNOWN,
    Knee,
    join,
    names_in,
    visit_of,
)
from kneerepro.data.reading.identity import Identity
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class JoinTest(FolderTest):
    def join(self, text, *knees, chosen=None):
        table = read_labels(self.write('labels.csv', text), chosen)
        return join(table, [Knee(*knee) for knee in knees])

    def labels(self, text, *knees, name='x', **kwargs):
        """The labels of knees, None where there is none."""
        joined = self.join(text, *knees, **kwargs)
        values = joined.columns()[name]
        self.assertEqual(len(values), len(knees))
        return [None if value != value else value for value in values]

    def unmatched(self, text, *knees):
        """(kind, number, reason) of what has no partner."""
        return [
            (item.kind, item.number, item.reason)
            for item in self.join(text, *knees).unmatched
        ]

    def assert_refused(self, text, *knees, words, chosen=None):
        with self.assertRaises(UserError) as caught:
            self.join(text, *knees, chosen=chosen)
        for word in ('labels.csv', *words):
            self.assertIn(word, str(caught.exception))


class SideTest(JoinTest):
    def test_each_knee_has_its_row(self):
        text = 'id,side,x\nA,L,1\nA,R,2\nB,R,3\n'
        knees = [('B', 'RIGHT'), ('A', 'RIGHT'), ('A', 'LEFT')]
        self.assertEqual(self.labels(text, *knees), [3, 2, 1])
        self.assertEqual(self.unmatched(text, *knees), [])

    def test_without_sides(self):
        """A label of the patient is one of both knees."""
        self.assertEqual(
            self.labels(
                'id,x\nA,1\nB,2\n',
                ('A', 'LEFT'),
                ('A', 'RIGHT'),
                ('B', ''),
                ('C', 'LEFT'),
            ),
            [1, 1, 2, None],
        )

    def test_unknown_side(self):
        # A has only one row, but the volume may be the other knee.
        text = 'id,side,x\nA,L,1\nB,L,2\n'
        knees = [('A', ''), ('B', 'LEFT')]
        self.assertEqual(self.labels(text, *knees), [None, 2])
        self.assertEqual(
            self.unmatched(text, *knees),
            [('volume', 0, SIDE_UNKNOWN), ('row', 2, NO_VOLUME_OF_KNEE)],
        )

    def test_row_of_unknown_side(self):
        text = 'id,side,x\nA,both,1\nA,L,2\n'
        knees = [('A', 'LEFT'), ('A', 'RIGHT'), ('A', '')]
        self.assertEqual(self.labels(text, *knees), [2, None, None])
        self.assertEqual(
            self.unmatched(text, *knees),
            [
                ('volume', 1, NO_KNEE),
                ('volume', 2, SIDE_UNKNOWN),
                ('row', 2, SIDE_UNKNOWN),
            ],
        )

    def test_several_volumes_of_a_knee(self):
        text = 'id,side,x\nA,L,1\n'
        self.assertEqual(
            self.labels(text, ('A', 'LEFT'), ('A', 'LEFT')), [1, 1]
        )


class PatientTest(JoinTest):
    def test_text_and_numbers(self):
        for in_table, in_images, equal in [
            ('9000099', '9000099', True),
            ('9000099.0', '9000099', True),
            ('12', '0012', True),
            ('0012', '12', True),
            ('00', '0', True),
            ('12.5', '12', False),
            ('p12', 'P12', False),
            ('P12', 'P012', False),
            ('1 2', '12', False),
            ('120', '12', False),
        ]:
            with self.subTest((in_table, in_images)):
                text = f'id,x\n{in_table},1\nZ,2\n'
                self.assertEqual(
                    self.labels(text, (in_images,), ('Z',)),
                    [1 if equal else None, 2],
                )

    def test_ambiguous_numbers(self):
        """Two people may be 12 and 012: then only equal texts match."""
        self.assertEqual(
            self.labels('id,x\n12,1\n', ('12',), ('012',)), [1, None]
        )
        self.assertEqual(
            self.labels('id,x\n12,1\nZ,2\n', ('0012',), ('012',), ('Z',)),
            [None, None, 2],
        )
        self.assertEqual(
            self.labels('id,x\n12,1\n012,2\nZ,3\n', ('0012',), ('Z',)),
            [None, 3],
        )

    def test_what_has_no_partner(self):
        self.assertEqual(
            self.unmatched(
                'id,x\nA,1\n,2\nC,3\n', ('A', 'LEFT'), ('', ''), ('B', '')
            ),
            [
                ('volume', 1, NO_PATIENT_ID),
                ('volume', 2, NO_PATIENT),
                ('row', 3, NO_VOLUME),
                ('row', 4, NO_VOLUME),
            ],
        )

    def test_patients_are_named_as_in_the_images(self):
        joined = self.join('id,side,x\n12,L,1\n12,R,1\n', ('012', 'LEFT'))
        (row,) = joined.unmatched
        self.assertEqual((row.patient, row.side), ('012', 'RIGHT'))


class SeveralRowsTest(JoinTest):
    def test_equal(self):
        self.assertEqual(self.labels('id,x\nA,1\nA,1.0\n', ('A', 'LEFT')), [1])
        self.assertEqual(
            self.labels('id,x,y\nA,,1\nA,.,1\n', ('A',), name='y'), [1]
        )

    def test_contradiction(self):
        text = 'id,side,x,y\nA,L,1,5\nA,L,1,5\nA,L,1,6\nB,L,1,1\n'
        self.assert_refused(
            text,
            ('A', 'LEFT'),
            ('B', 'LEFT'),
            words=["differ in 'y'", 'lines 2 and 4', 'one row for each knee'],
        )
        self.assertEqual(self.labels(text, ('A', 'LEFT'), chosen=['x']), [1])
        # It does not matter if no volume is of that knee.
        self.assertEqual(self.labels(text, ('B', 'LEFT')), [1])

    def test_missing_value_contradicts(self):
        self.assert_refused(
            'id,x\nA,1\nA,\n', ('A',), words=['for each patient']
        )

    def test_reading_projects(self):
        text = (
            'ID|SIDE|READPRJ|x\n'
            'A|1|42|5\nA|1|37|6\nB|1|37|7\nB|1|15|8\nC|1|42|9\n'
        )
        knees = [(name, 'RIGHT') for name in 'ABC']
        self.assertEqual(self.labels(text, *knees), [6, 8, 9])
        joined = self.join(text, *knees)
        self.assertEqual(joined.several_projects, 2)
        self.assertEqual(joined.unmatched, [])
        np.testing.assert_array_equal(
            joined.columns()['READPRJ'], [37, 15, 42]
        )

    def test_contradiction_within_a_project(self):
        text = 'ID|SIDE|READPRJ|x\nA|1|15|5\nA|1|15|6\n'
        self.assert_refused(text, ('A', 'RIGHT'), words=["'x'"])

    def test_other_projects(self):
        """Nothing says which of them to prefer."""
        text = 'ID|SIDE|READPRJ|x\nA|1|22|5\nA|1|15|6\n'
        self.assert_refused(text, ('A', 'RIGHT'), words=["'READPRJ'"])


class VisitTest(JoinTest):
    TEXT = 'id,side,visit,x\nA,L,V00,1\nA,L,V01,2\nA,L,V03,3\n'

    def test_visits(self):
        knees = [('A', 'LEFT', 1), ('A', 'LEFT', 0), ('A', 'LEFT', 6)]
        self.assertEqual(self.labels(self.TEXT, *knees), [2, 1, None])
        self.assertEqual(
            self.unmatched(self.TEXT, *knees),
            [('volume', 2, NO_VISIT), ('row', 4, NO_VOLUME_OF_VISIT)],
        )

    def test_unknown_visit(self):
        text = self.TEXT + 'B,L,V01,4\n'
        knees = [('A', 'LEFT'), ('B', 'LEFT')]
        self.assertEqual(self.labels(text, *knees), [None, 4])
        self.assertEqual(
            self.unmatched(text, *knees), [('volume', 0, SEVERAL_VISITS)]
        )

    def test_equal_at_all_visits(self):
        self.assertEqual(
            self.labels(
                'id,visit,sex\nA,V00,f\nA,V01,f\n',
                ('A', 'LEFT'),
                name='sex',
                chosen=['sex'],
            ),
            ['f'],
        )

    def test_visits_in_other_words(self):
        text = 'id,visit,x\nA,first,1\nA,second,2\nB,first,3\n'
        self.assertEqual(
            self.labels(text, ('A', '', 0), ('B', '', 0)), [None, 3]
        )

    def test_project_of_each_visit(self):
        text = (
            'id,side,visit,readprj,x\n'
            'A,L,V00,37,1\nA,L,V00,15,2\nA,L,V01,37,3\n'
        )
        knees = ('A', 'LEFT', 0), ('A', 'LEFT', 1)
        self.assertEqual(self.labels(text, *knees), [2, 3])

    def test_folders_of_the_initiative(self):
        for path, visit in [
            ('/data/OAI/00m/0.E.1/9000099/20040927/10159003/001', 0),
            ('12m/1.C.2/9000296/20051007/01140204/001', 1),
            ('10.C.1/9000296/001', 10),
            ('/data/1.2.840.113/9000296/001', None),
            ('0.E.1', 0),
            ('/data/v0.E.1/001', None),
        ]:
            self.assertEqual(visit_of(path), visit, path)


class NoMatchTest(JoinTest):
    def test_other_patients(self):
        self.assert_refused(
            'id,x\n9000099,1\n',
            ('anon-17', 'LEFT'),
            words=["'9999999'", "'AAAA-99'", 'PatientIDs'],
        )

    def test_no_patient_ids(self):
        self.assert_refused(
            'id,x\n9000099,1\n', ('',), words=['have no PatientID']
        )

    def test_no_knees(self):
        self.assert_refused(
            'id,side,x\nA,both,1\n', ('A', 'LEFT'), words=[f'{NO_KNEE}: 1']
        )

    def test_several_visits(self):
        self.assert_refused(
            'id,visit,x\nA,V00,1\nA,V01,2\n',
            ('A', 'LEFT'),
            words=[SEVERAL_VISITS],
        )


class NamedFilesTest(JoinTest):
    def test_names(self):
        for path, names in [
            ('/a/b/c/9000099_right.nii.gz', ('9000099_right', '9000099')),
            ('/a/b/c/sub-7_T1 w.mha', ('7_T1 w', '7_T1', '7')),
            ('/a/b/c/9000099.nrrd', ('9000099',)),
        ]:
            self.assertEqual(names_in(path), (*names, 'c', 'b', 'a'))
        self.assertEqual(
            names_in('/study/7/0/dess/knee.nii'), ('knee', 'dess', '0', '7')
        )

    def named(self, *paths):
        return [('', 'LEFT', None, names_in(path)) for path in paths]

    def test_patients(self):
        knees = self.named(
            '/d/2/A-1_left.nii', '/d/12/scan.nii', '/d/e/other.nii'
        )
        self.assertEqual(
            self.labels('id,x\nA-1,1\n0012,2\n99,3\n', *knees), [1, 2, None]
        )
        self.assertEqual(
            self.unmatched('id,x\nA-1,1\n0012,2\n99,3\n', *knees),
            [('volume', 2, NO_PATIENT_ID), ('row', 4, NO_VOLUME)],
        )

    def test_patient_ids_come_first(self):
        (knee,) = self.named('/d/e/A.nii')
        self.assertEqual(
            self.labels('id,x\nA,1\nB,2\n', ('B', *knee[1:])), [2]
        )

    def test_only_whole_words(self):
        self.assert_refused(
            'id,x\nA1,1\n1,2\n',
            *self.named('/d/e/A12.nii', '/d/1x/k.nii', '/d/e/k_1.nii'),
            words=['no file is named after'],
        )


class KneeTest(unittest.TestCase):
    def record(self, certain):
        return SeriesRecord(
            location=('series',),
            path='0.E.1/7/001',
            part='',
            slices=1,
            rows=1,
            columns=1,
            spacing=(1, 1, 1),
            selected=True,
            side='LEFT',
            identity=Identity('7', certain, []),
        )

    def test_of_record(self):
        self.assertEqual(
            Knee.of_record(self.record(True)), Knee('7', 'LEFT', 0)
        )

    def test_uncertain_patient(self):
        """A FrameOfReferenceUID is no PatientID."""
        self.assertEqual(
            Knee.of_record(self.record(False)), Knee('', 'LEFT', 0)
        )
