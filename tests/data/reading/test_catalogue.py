import contextlib
import os
import sqlite3
from dataclasses import astuple, fields, replace

from kneerepro.data.reading.arrays import ArrayVolume
from kneerepro.data.reading.catalogue import (
    _FORMAT,
    Catalogue,
    FileRecord,
)
from kneerepro.data.reading.frames import Frame
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.header import Header
from kneerepro.data.reading.images import ImageVolume
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

    def test_any_name(self):
        for name in ['new\nline', '"q\' %20?x=1#', os.fsdecode(b'\xff')]:
            with contextlib.closing(Catalogue(self.path(name))) as catalogue:
                catalogue.start('before')
            self.assertEqual(os.listdir(self.folder), [name])
            os.remove(self.path(name))

    def test_forgotten(self):
        catalogue = self.filled()
        catalogue.forget_file('e')
        self.assertEqual(catalogue.defective_files(), [])
        self.assertFalse(catalogue.known_files()('e'))
        self.assertTrue(catalogue.known_files()('d'))

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

    def test_images(self):
        grid = Grid(
            (4, 5, 6), (1.5, 2, 3), ((-2, 0, 0), (0, 0, -1), (0, 1, 0))
        )
        images = [
            ImageVolume(
                'c', '', i, (4, 5, 6), (2.0, 1.0, 1.0), place, axes, data
            )
            for i, (place, axes, data) in enumerate(
                [(grid, (2, 1, 0), ''), (None, (0, 1, 2), 'c\udcff.raw')]
            )
        ]
        catalogue = self.filled()
        catalogue.add_files([file_record('x', volumes=images)])
        found = catalogue.volumes()[1:]
        self.assertEqual(found, [replace(image, path='x') for image in images])
        self.assertEqual(repr(found[0].grid), repr(Grid.of(*astuple(grid))))
        for image in found:
            self.assertEqual(catalogue.volume('x', '', image.index), image)
        self.assertEqual(
            catalogue.volume('c', 'v', 1), ArrayVolume('c', 'v', 1, (4, 5, 6))
        )

    def test_any_text(self):
        name, uid = 'knee\udcff\0', '1.2\udcff'
        volume = ArrayVolume('x\udcfe', name, 0, (4, 5, 6))
        image = frame(header=replace(SERIES, series=uid, patient='\udcff'))
        catalogue = self.open()
        catalogue.add_files(
            [
                file_record(volume.path, volumes=[volume]),
                file_record('y', frames=[image]),
            ]
        )
        self.assertEqual(catalogue.volumes(), [volume])
        self.assertEqual(catalogue.volume(volume.path, name, 0), volume)
        self.assertEqual(catalogue.series_uids(), [uid])
        self.assertEqual(catalogue.slices(uid)[0].header, image.header)

    def test_order_of_what_was_unpacked(self):
        """By the paths that a user knows."""
        shown = {'b': 'b', 'c': 'a/2', 'a': 'a/1', 'd': 'a/3'}
        catalogue = self.open()
        catalogue.add_files(
            [
                file_record(
                    path,
                    frames=[frame(sop=path)],
                    volumes=[ArrayVolume(path, '', 0, (4, 5, 6))],
                )
                for path in shown
            ],
            shown.get,
        )
        for found in catalogue.slices('1.2'), catalogue.volumes():
            self.assertEqual([item.path for item in found], list('acdb'))
        self.assertEqual(catalogue.shown('c'), 'a/2')
        self.assertEqual(catalogue.shown('b'), 'b')

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

    def test_earlier_format(self):
        """What an earlier version has left is not misread."""
        catalogue = self.filled()
        catalogue.add_result('key', {'low': 1.5})
        catalogue.close()
        connection = sqlite3.connect(self.path('catalogue'))
        connection.execute('DROP TABLE volume')
        connection.execute('CREATE TABLE volume (file INTEGER)')
        connection.execute('PRAGMA user_version = 0')
        connection.commit()
        connection.close()
        catalogue = self.open()
        catalogue.start('before')
        self.assertEqual(catalogue.series_uids(), [])
        self.assertFalse(catalogue.known_files()('b'))
        self.assertIsNone(catalogue.result('key'))
        volume = ArrayVolume('c', 'v', 1, (4, 5, 6))
        catalogue.add_files([file_record('c', volumes=[volume])])
        self.assertEqual(catalogue.volumes(), [volume])

    def test_format_of_this_version(self):
        """If these change, raise _FORMAT in the catalogue."""
        self.assertEqual(
            (_FORMAT, ' '.join(field.name for field in fields(Header))),
            (
                3,
                'syntax little_endian image_type sop_class modality '
                'description patient study series frame_of_reference '
                'laterality echo_time echo_number temporal_position '
                'acquisition stack orientation pixel_spacing samples '
                'photometric frames rows columns bits_allocated bits_stored '
                'high_bit signed padding slope intercept',
            ),
        )

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
