import contextlib
import io
import os
import shutil
import threading
from unittest import mock

from kneerepro.utils.locks import exclusive
from tests.folders import FolderTest


class ExclusiveTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.lock = self.path('work', 'lock')
        self.stdout = io.StringIO()
        redirected = contextlib.redirect_stdout(self.stdout)
        redirected.__enter__()
        self.addCleanup(redirected.__exit__, None, None, None)
        self.inside = []

    def enter(self):
        with exclusive(self.lock, 'v.h5'):
            self.inside.append(os.path.exists(self.lock))

    def waiting(self):
        """Start a thread that has to wait for the lock."""
        thread = threading.Thread(target=self.enter)
        thread.start()
        while not self.stdout.getvalue():
            thread.join(0.01)
        self.assertEqual(self.inside, [])
        return thread

    def test_waits_for_the_holder(self):
        with exclusive(self.lock, ''):
            thread = self.waiting()
        thread.join()
        self.assertEqual(self.inside, [True])
        self.assertEqual(
            self.stdout.getvalue(),
            'waiting for another process to finish writing v.h5\n',
        )

    def test_enters_a_free_lock_at_once(self):
        for _ in range(2):
            self.enter()
        self.assertEqual(self.inside, [True, True])
        self.assertEqual(self.stdout.getvalue(), '')

    def test_lock_file_removed_while_waiting(self):
        with exclusive(self.lock, ''):
            thread = self.waiting()
            shutil.rmtree(self.path('work'))
            # A third process locks a new file before the waiting one wakes.
            with exclusive(self.lock, ''):
                pass
        thread.join()
        self.assertEqual(self.inside, [True])

    def test_folder_removed_before_it_is_opened(self):
        def makedirs(path, exist_ok):
            if patched.call_count > 1:
                os.mkdir(path)

        with mock.patch('os.makedirs', side_effect=makedirs) as patched:
            self.enter()
        self.assertEqual(self.inside, [True])

    def test_errors_propagate(self):
        for error in FileNotFoundError, KeyboardInterrupt:
            with self.assertRaises(error), exclusive(self.lock, ''):
                raise error
        self.enter()
        self.write('file')
        self.lock = self.path('file', 'lock')
        with self.assertRaises(OSError):
            self.enter()
