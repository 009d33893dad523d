import hashlib

import numpy as np

from kneerepro.data.label_table import read_labels
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class TableTest(FolderTest):
    def table(self, content, chosen=None):
        return read_labels(self.write('labels.csv', content), chosen)

    def values(self, content, name='x'):
        """The values of one column, as a list."""
        return list(self.table(content).columns[name])

    def assert_refused(self, content, *words, chosen=None):
        with self.assertRaises(UserError) as caught:
            self.table(content, chosen)
        for word in ('labels.csv', *words):
            self.assertIn(word, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))


class ReadLabelsTest(TableTest):
    def test_rows(self):
        table = self.table(
            'Patient ID,Knee,Visit,KL,comment\n'
            ' 12 ,Left,V00,2,fine\n'
            'AB-3,r,V01,0,"two, or so"\n'
        )
        self.assertEqual(
            [
                (row.line, row.patient, row.side, row.visit)
                for row in table.rows
            ],
            [(2, '12', 'LEFT', 'V00'), (3, 'AB-3', 'RIGHT', 'V01')],
        )
        self.assertEqual(
            (table.patient_column, table.side_column, table.visit_column),
            ('Patient ID', 'Knee', 'Visit'),
        )
        # Whom and which knee a row is about are no labels.
        self.assertEqual(list(table.columns), ['Visit', 'KL', 'comment'])
        np.testing.assert_array_equal(table.columns['KL'], [2, 0])
        self.assertEqual(
            table.hash, hashlib.sha256(self.read('labels.csv')).hexdigest()
        )
        self.assertEqual(table.columns['comment'], ['fine', 'two, or so'])

    def test_names_of_the_patient_column(self):
        for names, patient in [
            ('x,PATIENT', 'PATIENT'),
            ('x,patient_id', 'patient_id'),
            ('id,x,PatientID', 'PatientID'),
            ('x,Subject', 'Subject'),
            ('x,participant', 'participant'),
            ('x,ID', 'ID'),
            ('patient,patientid,x', 'patientid'),
        ]:
            cells = ','.join('123'[: names.count(',') + 1])
            table = self.table(f'{names}\n{cells}\n')
            self.assertEqual(table.patient_column, patient)
            self.assertEqual(list(table.columns), ['x'])

    def test_separator_that_finds_the_patient(self):
        table = self.table('a,b,c;patient;x\n1;2;3\n')
        self.assertEqual(table.rows[0].patient, '2')

    def test_chosen_columns(self):
        text = 'patient,side,a,b,c\n1,L,2,3,4\n'
        table = self.table(text, ['c', 'a', 'c'])
        self.assertEqual(list(table.columns), ['c', 'a'])
        self.assertEqual(table.chosen, ('c', 'a', 'c'))
        self.assertIsNone(self.table(text).chosen)
        for name in 'd', 'patient', 'side':
            self.assert_refused(
                text, repr(name), "'a', 'b', 'c'", chosen=['a', name]
            )


class SideTest(TableTest):
    def sides(self, *cells):
        table = self.table(
            'id,side,x\n' + ''.join(f'1,{cell},2\n' for cell in cells)
        )
        return [row.side for row in table.rows], table.numbered_sides

    def test_words(self):
        self.assertEqual(
            self.sides('LEFT', 'Right', 'l', 'R', 'left knee', 'both', ''),
            (['LEFT', 'RIGHT', 'LEFT', 'RIGHT', 'LEFT', '', ''], False),
        )

    def test_numbers(self):
        self.assertEqual(
            self.sides('1', '2', '1.0', '2.0'),
            (['RIGHT', 'LEFT', 'RIGHT', 'LEFT'], True),
        )

    def test_words_beside_numbers(self):
        # Words count, whatever the number before them.
        self.assertEqual(
            self.sides('1: Right', '2: Left', '1: Left'),
            (['RIGHT', 'LEFT', 'LEFT'], False),
        )

    def test_other_numbers(self):
        """With 0 and 1 for the sides, 1 need not be the right one."""
        text = 'id,side,x\n1,0,2\n1,1,2\n'
        self.assert_refused(text, "0 in column 'side'", '1 for right')

    def test_without_sides(self):
        table = self.table('id,x\n1,2\n')
        self.assertEqual((table.side_column, table.rows[0].side), ('', ''))


class ValuesTest(TableTest):
    def column(self, *cells):
        text = 'id;x\n' if ',' in ''.join(cells) else 'id|x\n'
        return self.values(text + ''.join(f'1{text[2]}{c}\n' for c in cells))

    def test_numbers(self):
        self.assertEqual(
            self.column('2', '-1.5', '+.25', '1e3', '0', '0.10', '3.'),
            [2, -1.5, 0.25, 1000, 0, 0.1, 3],
        )

    def test_decimal_comma(self):
        self.assertEqual(self.column('2,5', '3', '-0,5'), [2.5, 3, -0.5])
        self.assertEqual(self.values('id,x\n1,"1,234"\n1,2\n'), ['1,234', '2'])

    def test_codes_are_text(self):
        for codes in [
            ('016600000001', '016600000002'),  # barcodes
            ('1234567890123456789', '1'),  # a float would round it
            ('1: Male', '2: Female'),
            ('1_000', '2'),
            ('inf', '2'),
            ('12/31/2004', '2'),
        ]:
            self.assertEqual(self.column(*codes), list(codes))

    def test_repeated_numbers(self):
        self.assertEqual(self.column('0: 0', '2: 2', '3'), [0, 2, 3])

    def test_missing_numbers(self):
        missing = '.', '.A', '.: Missing Form', '', 'NA', 'n/a', 'NaN'
        values = self.column('1', *missing)
        self.assertEqual(values[0], 1)
        self.assertTrue(np.isnan(values[1:]).all())
        self.assertEqual(len(values), 8)

    def test_missing_text(self):
        self.assertEqual(
            self.column('left', '.M: Missing', '', 'none'),
            ['left', '', '', 'none'],
        )


class ReleaseTest(TableTest):
    """The layouts of the Osteoarthritis Initiative."""

    def test_readings_of_radiographs(self):
        table = self.table(
            'ID|SIDE|readprj|VERSION|V00BARCDBU|V00XRKL|V00XRJSM\n'
            '9000001|1: Right|15|0.9|016600000001|2|1: 1\n'
            '9000001|2: Left|15|0.9|016600000002|.T|0: 0\n'
            '9000002|1|37|0.9||3|.: Missing Form/Incomplete Workbook\n'
        )
        self.assertEqual(
            [(row.patient, row.side, row.project) for row in table.rows],
            [
                ('9000001', 'RIGHT', '15'),
                ('9000001', 'LEFT', '15'),
                ('9000002', 'RIGHT', '37'),
            ],
        )
        self.assertTrue(table.numbered_sides)
        np.testing.assert_array_equal(table.columns['V00XRKL'], [2, np.nan, 3])
        np.testing.assert_array_equal(
            table.columns['V00XRJSM'], [1, 0, np.nan]
        )

    def test_clinical_data(self):
        table = self.table(
            'ID|VERSION|V00AGE|P02SEX|P01BMI\r\n'
            '9000001|25|61|2: Female|27.4\r\n'
            '9000002|25|55|1: Male|.: Missing Form/Incomplete Workbook\r\n'
        )
        self.assertEqual(table.side_column, '')
        np.testing.assert_array_equal(table.columns['V00AGE'], [61, 55])
        self.assertEqual(table.columns['P02SEX'], ['2: Female', '1: Male'])
        np.testing.assert_array_equal(table.columns['P01BMI'], [27.4, np.nan])

    def test_data_archive(self):
        table = self.table(
            '"subjectkey"\t"src_subject_id"\t"side"\t"visit"\t"xrkl"\n'
            '"The NDAR identifier"\t"Subject ID in the project"\t"Side"\t'
            '"Visit name"\t"KL grade"\n'
            '"NDAR_INV1"\t"9000001"\t"1"\t"V00"\t"2"\n'
        )
        (row,) = table.rows
        self.assertEqual(
            (row.patient, row.side, row.visit), ('9000001', 'RIGHT', 'V00')
        )
        self.assertEqual(list(table.columns), ['visit', 'xrkl'])
        np.testing.assert_array_equal(table.columns['xrkl'], [2])


class RefusedTest(TableTest):
    def test_no_patient(self):
        names = [f'a{i}' for i in range(12)]
        self.assert_refused(
            ','.join(names) + '\n' + ','.join('1' * 12),
            'names the patients',
            "'a9' and 2 others",
            "call it 'patient'",
        )

    def test_no_rows(self):
        self.assert_refused('id,x\n\n', 'has no rows')
        self.assert_refused(
            'subjectkey,src_subject_id,x\nThe key,The ID,A label\n',
            'has no rows',
        )

    def test_no_labels(self):
        self.assert_refused('id,side\n1,L\n', 'has no labels')

    def test_no_table(self):
        self.assert_refused('A text\nof two lines.\n', 'names the patients')
