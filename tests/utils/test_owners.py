import dataclasses
import json
import os
import socket
import subprocess
import sys
import time

from kneerepro.utils.owners import Owner, read_owner
from tests.folders import FolderTest


class OwnerTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.owner = Owner.of_this_process()

    def changed(self, **fields):
        return dataclasses.replace(self.owner, **fields)

    def ended_process(self):
        process = subprocess.Popen([sys.executable, '-c', ''])
        process.wait()
        return process.pid

    def test_this_process(self):
        self.assertEqual(self.owner.pid, os.getpid())
        self.assertTrue(self.owner.is_here())
        self.assertFalse(self.owner.is_gone())
        self.assertNotEqual(Owner.of_this_process(), self.owner)
        self.assertEqual(
            str(self.owner),
            f'process {os.getpid()} on {socket.gethostname()}, since '
            f'{self.owner.since}',
        )

    def test_process_that_has_ended(self):
        pid = self.ended_process()
        self.assertTrue(self.changed(pid=pid).is_gone())
        # Nobody here knows what runs elsewhere.
        for elsewhere in {'host': 'elsewhere'}, {'machine': 'container'}:
            other = self.changed(pid=pid, **elsewhere)
            self.assertFalse(other.is_here())
            self.assertFalse(other.is_gone())

    def test_child_that_nobody_has_waited_for(self):
        process = subprocess.Popen(
            [sys.executable, '-c', ''], stdout=subprocess.PIPE
        )
        process.stdout.read()  # until it ends
        owner = self.changed(pid=process.pid, started='')
        for _ in range(100):
            if owner.is_gone():
                break
            time.sleep(0.05)
        self.assertTrue(owner.is_gone())
        process.communicate()

    def test_another_process_of_the_same_number(self):
        if not self.owner.started:
            self.skipTest('the system does not tell when a process started')
        self.assertTrue(self.changed(started='1').is_gone())
        self.assertFalse(self.changed(started='').is_gone())


class ReadOwnerTest(FolderTest):
    def test_written(self):
        owner = Owner.of_this_process()
        path = self.write('owner', owner.to_bytes())
        self.assertEqual(read_owner(path), owner)

    def test_missing(self):
        self.assertIsNone(read_owner(self.path('owner')))

    def test_incomplete(self):
        """It is given time: its process may be about to write it."""
        fields = json.loads(Owner.of_this_process().to_bytes())
        del fields['pid']
        for content in [
            b'',
            b'{"pid": 1',
            b'[1]',
            json.dumps(fields).encode(),
            json.dumps({**fields, 'pid': 'x'}).encode(),
            json.dumps({**fields, 'pid': -1}).encode(),
        ]:
            path = self.write('owner', content)
            owner = read_owner(path)
            self.assertFalse(owner.is_gone())
            self.assertFalse(owner.is_here())
            self.assertEqual(str(owner), 'an unknown process')
            self.assertEqual(read_owner(path), owner)
            os.utime(path, (time.time() - 100,) * 2)
            self.assertTrue(read_owner(path).is_gone())
