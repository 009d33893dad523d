import contextlib
import dataclasses
import errno
import fcntl
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from unittest import mock

from kneerepro.utils.locks import (
    HeldError,
    exclusive,
    exclusive_now,
    is_held,
    lock_files,
)
from kneerepro.utils.owners import Owner, read_owner
from tests.folders import FolderTest
from tests.subprocesses import ROOT

# What a process does that has a lock, on a file system without locks.
HOLDER = """
import errno, fcntl, sys, time
def flock(file, kind):
    raise OSError(errno.ENOSYS, '')
fcntl.flock = flock
from kneerepro.utils.locks import exclusive
with exclusive(sys.argv[1], 'v.h5'):
    for number in range(int(sys.argv[2])):
        with open(sys.argv[3], 'a') as file:
            file.write(sys.argv[4])
        print('inside', flush=True)
        time.sleep(0.02)
"""


def without_locks(number=errno.ENOSYS):
    """A file system that has no locks, and answers with an error."""
    return mock.patch.object(
        fcntl, 'flock', side_effect=OSError(number, os.strerror(number))
    )


class LockTest(FolderTest):
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


class ExclusiveTest(LockTest):
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


class WithoutLocksTest(LockTest):
    """On file systems that refuse flock."""

    def setUp(self):
        super().setUp()
        patched = without_locks()
        patched.start()
        self.addCleanup(patched.stop)
        self.owner_file = lock_files(self.lock)[1]

    def start(self, name, steps):
        return subprocess.Popen(
            [
                sys.executable,
                '-c',
                HOLDER,
                self.lock,
                str(steps),
                self.path('log'),
                name,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write_owner(self, **fields):
        owner = dataclasses.replace(Owner.of_this_process(), **fields)
        return self.write(
            os.path.relpath(self.owner_file, self.folder), owner.to_bytes()
        )

    def test_errors_of_all_such_file_systems(self):
        for number in (
            errno.ENOSYS,
            errno.ENOLCK,
            errno.EOPNOTSUPP,
            errno.ENOTSUP,
            errno.EINVAL,
        ):
            with without_locks(number), exclusive(self.lock, ''):
                self.assertEqual(read_owner(self.owner_file).pid, os.getpid())
            self.assertEqual(os.listdir(self.path('work')), ['lock'])
        with without_locks(errno.EIO), self.assertRaises(OSError):
            self.enter()

    def test_waits_for_the_holder(self):
        with exclusive(self.lock, ''):
            thread = self.waiting()
        thread.join()
        self.assertEqual(self.inside, [True])
        self.assertRegex(
            self.stdout.getvalue(),
            '^waiting for another process to finish writing v.h5: '
            f'process {os.getpid()} on .*, since [-0-9]+ [:0-9]+\n$',
        )
        self.assertEqual(os.listdir(self.path('work')), ['lock'])

    def test_removed_while_waiting(self):
        """As a working folder is, when its process has finished."""
        with exclusive(self.lock, ''):
            thread = self.waiting()
            for path in lock_files(self.lock):
                os.remove(path)
            thread.join()
            self.assertEqual(len(self.inside), 1)
            # The one that came since stays.
            path = self.write_owner(token='of another')
        self.assertEqual(read_owner(path).token, 'of another')

    def test_processes_exclude_each_other(self):
        processes = [self.start(name, 10) for name in 'abc']
        for process in processes:
            process.communicate()
            self.assertEqual(process.returncode, 0)
        log = self.read('log').decode()
        self.assertEqual(
            sorted(log[i : i + 10] for i in range(0, len(log), 10)),
            ['a' * 10, 'b' * 10, 'c' * 10],
        )
        self.assertEqual(os.listdir(self.path('work')), ['lock'])

    def test_killed_process_blocks_nobody(self):
        process = self.start('a', 10**6)
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(read_owner(self.owner_file).pid, process.pid)
        threads = [threading.Thread(target=self.enter) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.inside, [True] * 3)
        self.assertEqual(os.listdir(self.path('work')), ['lock'])

    def test_killed_while_it_removed_the_lock_of_another(self):
        for name in self.owner_file, self.owner_file + '-removal':
            self.write_owner(started='1')
            os.replace(self.owner_file, name)
        self.write_owner(started='1')
        self.enter()
        self.assertEqual(os.listdir(self.path('work')), ['lock'])

    def test_process_on_another_computer(self):
        path = self.write_owner(host='elsewhere', pid=7)
        thread = self.waiting()
        self.assertRegex(
            self.stdout.getvalue(),
            r'v.h5: process 7 on elsewhere, since .* \(if it no longer '
            rf'exists, remove {path}\)\n$',
        )
        os.remove(path)
        thread.join()
        self.assertEqual(self.inside, [True])

    def test_without_fcntl(self):
        with (
            mock.patch('kneerepro.utils.locks.fcntl', None),
            exclusive(self.lock, ''),
        ):
            self.assertEqual(read_owner(self.owner_file).pid, os.getpid())

    def test_errors_propagate(self):
        for error in FileNotFoundError, KeyboardInterrupt:
            with self.assertRaises(error), exclusive(self.lock, ''):
                raise error
        self.enter()


class ExclusiveNowTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.file = self.write('config.json', '{}')

    def assert_excludes(self):
        self.assertFalse(is_held(self.file))
        with exclusive_now(self.file):
            self.assertTrue(is_held(self.file))
            with (
                self.assertRaises(HeldError) as caught,
                exclusive_now(self.file),
            ):
                self.fail()
            self.message = str(caught.exception)
        self.assertFalse(is_held(self.file))
        self.assertEqual(os.listdir(self.folder), ['config.json'])
        self.assertEqual(self.read('config.json'), b'{}')

    def test_excludes(self):
        self.assert_excludes()
        self.assertEqual(self.message, 'another process')

    def test_without_locks(self):
        with without_locks():
            self.assert_excludes()
        self.assertRegex(self.message, rf'^process {os.getpid()} on [^\(]*$')

    def test_process_that_was_killed(self):
        owner = dataclasses.replace(Owner.of_this_process(), started='1')
        self.write('config.json.owner', owner.to_bytes())
        with without_locks():
            self.assert_excludes()

    def test_missing(self):
        with self.assertRaises(FileNotFoundError):
            is_held(self.path('missing'))
        with (
            self.assertRaises(FileNotFoundError),
            exclusive_now(self.path('missing')),
        ):
            pass

    def test_file_that_cannot_be_written(self):
        def refuse(path, mode):
            if mode != 'rb':
                raise PermissionError(errno.EACCES, '')
            return open(path, mode)

        with mock.patch(
            'kneerepro.utils.locks.open', side_effect=refuse, create=True
        ):
            self.assert_excludes()
