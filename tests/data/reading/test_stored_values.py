import gzip
import zlib
from unittest import mock

import numpy as np

from kneerepro.data.reading import stored_values
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.stored_values import (
    check_length,
    inflate,
    values_path,
)
from tests.folders import FolderTest

CONTENT = np.random.RandomState(1).rand(20_000).astype('<f4').tobytes()


class PathTest(FolderTest):
    def test_values_path(self):
        self.assertEqual(values_path('in/k.nii', ''), 'in/k.nii')
        self.assertEqual(values_path('in/k.hdr', 'k.img'), 'in/k.img')
        self.assertEqual(values_path('k.hdr', 'k.img'), 'k.img')


class LengthTest(FolderTest):
    def check(self, length, encoding, start=0, count=100, size=400):
        """The code of the defect of a file with so many bytes, or None."""
        path = self.write('file', bytes(length))
        try:
            check_length(path, encoding, start, count, size)
        except DefectError as error:
            return error.code
        return None

    def test_raw(self):
        self.assertIsNone(self.check(400, 'raw'))
        self.assertIsNone(self.check(409, 'raw', start=9))
        self.assertIsNone(self.check(400, 'raw', start=None))
        self.assertEqual(self.check(399, 'raw'), 'TRUNCATED_PIXELS')
        self.assertEqual(self.check(400, 'raw', start=1), 'TRUNCATED_PIXELS')

    def test_text(self):
        self.assertIsNone(self.check(199, 'text'))
        self.assertEqual(self.check(198, 'text'), 'TRUNCATED_PIXELS')

    def test_absurd(self):
        # Less than 64 MiB are harmless.
        self.assertIsNone(self.check(1, 'other', size=2**26))
        for encoding in 'deflate', 'other':
            for size in 1e9, 2**441, float('inf'), float('nan'):
                self.assertEqual(
                    self.check(1000, encoding, size=size), 'TRUNCATED_PIXELS'
                )


class InflateTest(FolderTest):
    def setUp(self):
        super().setUp()
        # Blocks that end within streams and between them.
        patch = mock.patch.object(stored_values, '_BLOCK', 1009)
        patch.start()
        self.addCleanup(patch.stop)

    def inflate(self, content, start=0, size=len(CONTENT)):
        """What is found, or the code of the defect."""
        try:
            return b''.join(inflate(self.write('file', content), start, size))
        except DefectError as error:
            return error.code

    def test_streams(self):
        head, pieces = b'header', (CONTENT[:9999], CONTENT[9999:])
        for content, start in [
            (head + zlib.compress(CONTENT), 6),
            (head + gzip.compress(CONTENT), 6),
            (zlib.compress(CONTENT) + b'what follows', 0),
            (b''.join(map(gzip.compress, pieces)), 0),
        ]:
            self.assertEqual(self.inflate(content, start), CONTENT)
            damaged = bytearray(content)
            damaged[len(content) // 2] ^= 0xFF
            self.assertEqual(
                self.inflate(bytes(damaged), start), 'UNDECODABLE_PIXELS'
            )
            self.assertEqual(
                self.inflate(content[: -len(content) // 3], start),
                'TRUNCATED_PIXELS',
            )

    def test_too_short(self):
        for content in CONTENT[:-1], b'':
            self.assertEqual(
                self.inflate(zlib.compress(content)), 'TRUNCATED_PIXELS'
            )
        # A byte of the checksum.
        self.assertEqual(
            self.inflate(gzip.compress(CONTENT)[:-1]), 'TRUNCATED_PIXELS'
        )

    def test_checksum(self):
        """Verified even if only the first bytes are asked for."""
        for compress, place in (zlib.compress, -1), (gzip.compress, -8):
            damaged = bytearray(compress(CONTENT))
            damaged[place] ^= 1
            self.assertEqual(
                self.inflate(bytes(damaged), size=9), 'UNDECODABLE_PIXELS'
            )
