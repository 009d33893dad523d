"""A test case with a temporary folder."""

import os
import tempfile
import unittest


class FolderTest(unittest.TestCase):
    """Has a temporary folder, `folder`, for each test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        """A path in the folder."""
        return os.path.join(self.folder, *names)

    def write(self, name, content=''):
        """Write a file and create its folder; returns its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        content = content if isinstance(content, bytes) else content.encode()
        with open(path, 'wb') as file:
            file.write(content)
        return path

    def read(self, name):
        """Read a file as bytes."""
        with open(self.path(name), 'rb') as file:
            return file.read()
