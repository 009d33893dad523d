from dataclasses import replace

from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import Catalogue, FileRecord
from kneerepro.data.reading.frames import Frame
from tests.data.series import HEADER, make_slices
from tests.folders import FolderTest

SERIES = replace(HEADER, series='1.2', padding=(0, 3))


def file_record(path, **content):
    return FileRecord(path=path, size=10, modified=20, **content)


def frame(index=0, **changes):
    return Frame(
        **{
            'index': index,
            'header': SERIES,
            'sop': f'1.2.{index}',
            'number': 7,
            'position': (1.5, -2.0, 0.25),
            'offset': 123,
            **changes,
        }
    )


class CatalogueTest(FolderTest):
    def open(self):
        catalogue = Catalogue(self.path('catalogue'))
        self.addCleanup(catalogue.close)
        return catalogue

    def filled(self):
        catalogue = self.open()
        catalogue.start('before')
        catalogue.add_files(
            [
                file_record('b', frames=[frame(0), frame(1, position=None)]),
                file_record('a\udcff', frames=[frame(2, defect='COLOUR')]),
                file_record(
                    'c', volumes=[ArrayVolume('c', 'v', 1, (4, 5, 6))]
                ),
                file_record('e', code='NOT_DICOM', message='damaged'),
                file_record('d', message='readme'),
            ]
        )
        catalogue.commit()
        return catalogue

    def test_slices(self):
        catalogue = self.filled()
        self.assertEqual(catalogue.series_uids(), ['1.2'])
        third, first, second = catalogue.slices('1.2')
        self.assertEqual(
            (third.path, first.path, second.path), ('a\udcff', 'b', 'b')
        )
        for image, expected in [
            (first, frame(0)),
            (second, frame(1, position=None)),
            (third, frame(2, defect='COLOUR')),
        ]:
            fields = vars(image).copy()
            del fields['path']
            self.assertEqual(Frame(**fields), expected)

    def test_slices_share_their_header(self):
        first, *others = self.filled().slices('1.2')
        for image in others:
            self.assertIs(image.header, first.header)

    def test_other_files(self):
        catalogue = self.filled()
        self.assertEqual(
            catalogue.volumes(), [ArrayVolume('c', 'v', 1, (4, 5, 6))]
        )
        self.assertEqual(
            catalogue.defective_files(), [('e', 'NOT_DICOM', 'damaged')]
        )
        self.assertEqual(catalogue.passed_over_files(), [('d', 'readme')])

    def test_state(self):
        self.assertEqual(
            self.filled().state(['b', 'a\udcff']),
            [(b'a\xff', 10, 20), (b'b', 10, 20)],
        )

    def test_known_files(self):
        self.assertFalse(self.open().known_files()('b'))
        known = self.filled().known_files()
        self.assertTrue(known('b'))
        self.assertFalse(known('nowhere'))

    def test_opened_again(self):
        self.filled().close()
        catalogue = self.open()
        catalogue.start('before')
        self.assertEqual(len(catalogue.slices('1.2')), 3)
        catalogue.add_files([file_record('f', frames=[frame(3)])])
        self.assertEqual(len(catalogue.slices('1.2')), 4)

    def test_other_files_on_disk(self):
        catalogue = self.filled()
        catalogue.add_result('key', {'low': 1.5})
        catalogue.start('after')
        self.assertEqual(catalogue.series_uids(), [])
        self.assertFalse(catalogue.known_files()('b'))
        # Results say themselves which files they are for.
        self.assertEqual(catalogue.result('key'), {'low': 1.5})

    def test_results(self):
        catalogue = self.open()
        self.assertIsNone(catalogue.result('key'))
        catalogue.add_result('key', {'code': 'NOT_FINITE', 'reason': 'x'})
        catalogue.close()
        self.assertEqual(
            self.open().result('key'), {'code': 'NOT_FINITE', 'reason': 'x'}
        )

    def test_without_a_file(self):
        catalogue = Catalogue()
        self.addCleanup(catalogue.close)
        frames = [
            Frame(
                index=image.index,
                header=SERIES,
                sop=image.sop,
                number=image.number,
                position=image.position,
            )
            for image in make_slices(3)
        ]
        catalogue.add_files(
            file_record(str(i), frames=[image])
            for i, image in enumerate(frames)
        )
        self.assertEqual(
            [image.position for image in catalogue.slices('1.2')],
            [image.position for image in frames],
        )
