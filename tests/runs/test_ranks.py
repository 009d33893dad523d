"""What surrounds a training on several processes, without any others."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from kneerepro import commands
from kneerepro.runs import ranks
from kneerepro.utils.errors import Stopped, UserError
from tests.runs.fake_processes import LostProcessError, become_process
from tests.subprocesses import ROOT


class RanksTest(unittest.TestCase):
    def process(self, *args, **kwargs):
        """Let this be one of two processes."""
        return become_process(self, *args, **kwargs)


class LaunchedTest(RanksTest):
    def test_one_process(self):
        for variables in {}, {'RANK': '0', 'WORLD_SIZE': '1'}, {'RANK': ''}:
            with mock.patch.dict(os.environ, variables):
                self.assertEqual(ranks.launched(), (0, 1))
                self.assertTrue(ranks.is_first())
        self.assertEqual(ranks.size(), 1)
        self.assertEqual(ranks.own_rows(5), slice(5))
        self.assertIsNone(ranks.run_of_launch())
        with ranks.one_voice():
            ranks.join()
            ranks.check('theano', 1)
        with self.assertRaises(ZeroDivisionError), ranks.one_voice():
            raise ZeroDivisionError

    def test_several(self):
        self.process(1)
        self.assertEqual(ranks.launched(), (1, 2))
        self.assertFalse(ranks.is_first())
        self.assertEqual(ranks.own_rows(5), slice(2, 5))

    def test_contradictions(self):
        for rank, size in ('2', '2'), ('-1', '2'), ('a', '2'), ('0', 'b'):
            with (
                mock.patch.dict(os.environ, RANK=rank, WORLD_SIZE=size),
                self.assertRaisesRegex(
                    UserError, f'RANK is {rank} and WORLD_SIZE is {size} .*'
                ),
            ):
                ranks.launched()

    def test_without_pytorch(self):
        self.process(0, joined=False)
        with (
            mock.patch('importlib.util.find_spec', return_value=None),
            self.assertRaisesRegex(
                UserError, '2 processes were launched .* requires PyTorch'
            ),
        ):
            ranks.join()

    def test_check(self):
        self.process(0)
        ranks.check('torch', 2)
        with self.assertRaisesRegex(UserError, "Theano's own code cannot"):
            ranks.check('theano', 2)
        with self.assertRaisesRegex(
            UserError, 'minibatches of 1 cannot be divided among 2 processes'
        ):
            ranks.check('torch', 1)

    def test_lost_after(self):
        self.assertEqual(ranks._lost_after(), 60)
        for text in '0', '-1', 'a', 'inf', 'nan':
            with (
                mock.patch.dict(os.environ, KNEEREPRO_LOST_AFTER=text),
                self.assertRaisesRegex(UserError, f'LOST_AFTER is {text} '),
            ):
                ranks._lost_after()
        with mock.patch.dict(os.environ, KNEEREPRO_LOST_AFTER='1.5'):
            self.assertEqual(ranks._lost_after(), 1.5)


class OneVoiceTest(RanksTest):
    def raised(self, error):
        """What a block raises instead of an error."""
        with self.assertRaises(BaseException) as caught, ranks.one_voice():
            raise error
        return caught.exception

    def assert_exits(self, error, status):
        found = self.raised(error)
        self.assertIsInstance(found, SystemExit)
        self.assertEqual(found.code, status)

    def test_only_the_first_prints(self):
        for rank, expected in (0, 'out err'), (1, ''):
            self.process(rank)
            text = io.StringIO()
            with (
                contextlib.redirect_stdout(text),
                contextlib.redirect_stderr(text),
                ranks.one_voice(),
            ):
                print('out', end=' ')
                print('err', end='', file=sys.stderr)
            self.assertEqual(text.getvalue(), expected)

    def test_the_first_to_fail_raises(self):
        error = UserError('no such file')
        for rank in 0, 1:
            processes = self.process(rank)
            self.assertIs(self.raised(error), error)
            self.assertEqual(processes.left, [True])
            self.assertEqual(ranks.size(), 1)
            self.process(rank, first=False)
            self.assert_exits(error, 1)

    def test_before_they_have_met(self):
        error = UserError('no PyTorch')
        self.process(0, joined=False)
        self.assertIs(self.raised(error), error)
        self.process(1, joined=False)
        self.assert_exits(error, 1)
        # The first of another machine.
        with mock.patch.dict(
            os.environ, RANK='4', WORLD_SIZE='8', LOCAL_RANK='0'
        ):
            self.assertIs(self.raised(error), error)

    def test_a_lost_process(self):
        self.process(1)
        found = self.raised(LostProcessError('it has ended'))
        self.assertIsInstance(found, UserError)
        self.assertEqual(str(found), 'it has ended; how to go on')
        self.process(1, first=False)
        self.assert_exits(LostProcessError('it has ended'), 1)

    def test_stopped(self):
        stopped = Stopped('stopped', signal.SIGTERM)
        self.process(0)
        self.assertIs(self.raised(stopped), stopped)
        self.process(1)
        self.assert_exits(stopped, 143)
        self.assert_exits(KeyboardInterrupt(signal.SIGINT), 130)
        self.assert_exits(SystemExit(2), 2)
        self.assert_exits(SystemExit(0), 0)

    def test_leaves_at_the_end(self):
        processes = self.process(0)
        with ranks.one_voice():
            self.assertEqual(ranks.size(), 2)
        self.assertEqual(processes.left, [False])
        self.assertEqual(ranks.size(), 1)
        ranks.leave()
        self.assertEqual(processes.left, [False])

    def test_a_second_signal_is_ignored(self):
        """As when the terminal and the launcher both send one."""
        code = (
            'import os, signal\n'
            'from kneerepro.runs import ranks\n'
            'from kneerepro.utils import cli\n'
            'ranks._COURTESY = 0\n'
            'def main():\n'
            '    with ranks.one_voice():\n'
            '        try:\n'
            '            os.kill(os.getpid(), signal.SIGINT)\n'
            '        finally:\n'
            '            os.kill(os.getpid(), signal.SIGINT)\n'
            '            os.kill(os.getpid(), signal.SIGTERM)\n'
            'cli.run(main)\n'
        )
        for rank, expected in (0, 'interrupted\n'), (1, ''):
            process = subprocess.run(
                [sys.executable, '-c', code],
                cwd=ROOT,
                env={**os.environ, 'RANK': str(rank), 'WORLD_SIZE': '2'},
                capture_output=True,
                text=True,
            )
            self.assertEqual(process.returncode, 130, process.stderr)
            self.assertEqual(process.stderr, expected)


class VoteTest(RanksTest):
    def test_one_process(self):
        vote = ranks.Vote()
        self.assertEqual([vote(0), vote(2), vote.close()], [0, 2, 0])

    def test_all_stop_in_one_iteration(self):
        for own, others in ([0, 2, 2], [0, 0, 0]), ([0, 0, 0], [0, 2, 2]):
            processes = self.process(0)
            processes.other_votes = list(others)
            vote = ranks.Vote()
            self.assertEqual([vote(number) for number in own], [0, 0, 2])
            self.assertEqual(processes.votes, own)
            self.assertEqual(vote.close(), 0)

    def test_in_the_last_iteration(self):
        processes = self.process(0)
        processes.other_votes = [15]
        vote = ranks.Vote()
        self.assertEqual([vote(0), vote.close(), vote.close()], [0, 15, 0])


class RunOfLaunchTest(RanksTest):
    def test_started_again(self):
        processes = self.process(0)
        for folder in 'runs/a', 'runs/b':
            self.assertIsNone(ranks.run_of_launch())
            ranks.remember_run(folder)
        kept = processes.kept
        self.process(0).kept = kept
        self.assertEqual(ranks.run_of_launch(), 'runs/a')
        ranks.remember_run('runs/a')
        self.assertEqual(ranks.run_of_launch(), 'runs/b')
        self.assertIsNone(ranks.run_of_launch())


class ImportTest(unittest.TestCase):
    def test_one_process_needs_no_pytorch(self):
        code = (
            'import sys\n'
            'from kneerepro.runs import ranks\n'
            'with ranks.one_voice():\n'
            '    ranks.join()\n'
            'assert "torch" not in sys.modules\n'
        )
        subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True)


class CommandsTest(RanksTest):
    def test_only_trainings_run_on_several_processes(self):
        self.process(0, joined=False)
        with (
            mock.patch.dict(os.environ, TORCHELASTIC_RUN_ID='none'),
            self.assertRaisesRegex(
                UserError, 'torchrun has started runs 2 times, but only'
            ),
        ):
            commands.main(['runs'])
