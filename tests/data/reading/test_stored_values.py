import gzip
import zlib
from unittest import mock

import numpy as np

from kneerepro.data.reading import stored_values
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.image_headers import ImageHeader
from kneerepro.data.reading.stored_values import check_length, check_values
from tests.folders import FolderTest

VALUES = np.random.RandomState(1).rand(20_000).astype('<f4')
CONTENT = VALUES.tobytes()


class StoredValuesTest(FolderTest):
    def setUp(self):
        super().setUp()
        # Blocks that end within numbers.
        patch = mock.patch.object(stored_values, '_BLOCK', 1009)
        patch.start()
        self.addCleanup(patch.stop)

    def check(
        self,
        content,
        encoding='deflate',
        reader='MetaImageIO',
        start=0,
        part=None,
        stored=None,
    ):
        """The code of the defect, or None."""
        header = ImageHeader(
            reader=reader,
            ending='',
            oriented=True,
            encoding=encoding,
            start=start,
            stored=stored,
        )
        path = self.write('file', content)
        try:
            check_length(path, header, VALUES.size, len(CONTENT))
            check_values(
                path, header, len(CONTENT), part or range(len(CONTENT))
            )
        except DefectError as error:
            return error.code
        return None

    def test_raw(self):
        self.assertIsNone(self.check(CONTENT, 'raw'))
        self.assertIsNone(self.check(bytes(9) + CONTENT, 'raw', start=9))
        self.assertIsNone(self.check(CONTENT, 'raw', start=None))
        self.assertEqual(
            self.check(CONTENT, 'raw', start=1), 'TRUNCATED_PIXELS'
        )

    def test_text(self):
        count = VALUES.size
        self.assertIsNone(self.check((b'1 ' * count)[:-1], 'text'))
        self.assertEqual(
            self.check((b'1 ' * count)[:-2], 'text'), 'TRUNCATED_PIXELS'
        )

    def test_compressed(self):
        head, pieces = b'header', (CONTENT[:9999], CONTENT[9999:])
        for content, options in [
            (head + zlib.compress(CONTENT), {'start': 6}),
            (head + gzip.compress(CONTENT), {'start': 6}),
            (zlib.compress(CONTENT) + b'what follows', {}),
            (b''.join(map(gzip.compress, pieces)), {}),
            (
                gzip.compress(head + CONTENT),
                {'start': 6, 'reader': 'NiftiImageIO'},
            ),
        ]:
            self.assertIsNone(self.check(content, **options))
            damaged = bytearray(content)
            damaged[len(content) // 2] ^= 0xFF
            self.assertEqual(
                self.check(bytes(damaged), **options), 'UNDECODABLE_PIXELS'
            )
            self.assertEqual(
                self.check(content[: -len(content) // 3], **options),
                'TRUNCATED_PIXELS',
            )

    def test_too_short(self):
        for content in CONTENT[:-1], b'':
            self.assertEqual(
                self.check(zlib.compress(content)), 'TRUNCATED_PIXELS'
            )
        # A byte of the checksum.
        self.assertEqual(
            self.check(gzip.compress(CONTENT)[:-1]), 'TRUNCATED_PIXELS'
        )

    def test_absurd(self):
        self.assertEqual(
            self.check(b'x', 'other'), None
        )  # less than 64 MiB are harmless
        header = ImageHeader('', '', True, encoding='deflate', start=0)
        path = self.write('file', bytes(1000))
        for size in 1e9, float('inf'), float('nan'):
            with self.assertRaisesRegex(DefectError, 'TRUNCATED_PIXELS'):
                check_length(path, header, size, size)

    def test_finite(self):
        for order in '<>':
            stored = np.dtype(order + 'f4')
            for bad in np.nan, -np.inf:
                values = VALUES.astype(stored)
                values[15_000] = bad
                head = b'head'
                for content, options in [
                    (head + values.tobytes(), {'encoding': 'raw'}),
                    (
                        gzip.compress(head + values.tobytes()),
                        {'reader': 'NiftiImageIO'},
                    ),
                ]:
                    for part, code in [
                        (None, 'NOT_FINITE'),
                        (range(60_000, 60_004), 'NOT_FINITE'),
                        (range(60_000), None),
                        (range(60_004, 80_000), None),
                    ]:
                        self.assertEqual(
                            self.check(
                                content,
                                start=4,
                                stored=stored,
                                part=part,
                                **options,
                            ),
                            code,
                        )
