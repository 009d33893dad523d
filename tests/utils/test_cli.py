import argparse
import contextlib
import io
import os
import signal
import time
import unittest

from kneerepro.utils import cli
from kneerepro.utils.errors import Stopped, UserError
from tests.subprocesses import run_python


class RunTest(unittest.TestCase):
    def run_main(self, result=None, error=None, main=None):
        def result_or_error():
            if error is not None:
                raise error
            return result

        stderr = io.StringIO()
        with (
            contextlib.redirect_stderr(stderr),
            self.assertRaises(SystemExit) as context,
        ):
            cli.run(main or result_or_error)
        return context.exception.code, stderr.getvalue()

    def test_exits_with_the_status_of_main(self):
        for result, status in [(None, 0), (0, 0), (3, 3)]:
            self.assertEqual(self.run_main(result), (status, ''))

    def test_user_error_is_one_line(self):
        self.assertEqual(
            self.run_main(error=UserError('no such thing')),
            (2, 'error: no such thing\n'),
        )

    def test_text_from_files_cannot_control_the_terminal(self):
        self.assertEqual(
            self.run_main(error=UserError('no \x1b[31m\n\u202e\udcff')),
            (2, 'error: no \\x1b[31m\\n\\u202e\\xff\n'),
        )

    def test_output_that_cannot_be_encoded(self):
        for encoding, text in [
            ('ascii', r'wrote \u819d \udcff'),
            ('utf-8', r'wrote \udcff'),
        ]:
            done = run_python(
                'from kneerepro.utils import cli\n'
                f"cli.run(lambda: print('{text}'))",
                PYTHONIOENCODING=encoding,
            )
            self.assertEqual(done.stdout.strip(), text, done.stderr)

    def test_stopped_work_says_how_to_go_on(self):
        self.assertEqual(
            self.run_main(error=Stopped('to resume: again', signal.SIGINT)),
            (130, 'to resume: again\n'),
        )

    def test_operating_system_error_is_one_line(self):
        self.assertEqual(
            self.run_main(error=OSError(28, 'No space left', 'a/b')),
            (2, "error: [Errno 28] No space left: 'a/b'\n"),
        )

    def test_exhausted_memory_is_one_line(self):
        for error in [
            MemoryError(),
            RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you "
                'tried to allocate 9 bytes.\nApply node ...'
            ),
            RuntimeError('CUDA out of memory. Tried to ...'),
        ]:
            status, output = self.run_main(error=error)
            self.assertEqual(status, 2)
            self.assertIn('smaller --batch-size', output)
            self.assertEqual(output.count('\n'), 1)

    def test_interrupt_is_one_line(self):
        self.assertEqual(
            self.run_main(error=KeyboardInterrupt()), (130, 'interrupted\n')
        )

    def test_signals_let_main_clean_up(self):
        def main():
            try:
                os.kill(os.getpid(), signum)
                time.sleep(60)
            finally:
                cleaned.append(signum)

        cleaned = []
        for signum in signal.SIGINT, signal.SIGTERM:
            before = signal.getsignal(signum)
            self.assertEqual(
                self.run_main(main=main), (128 + signum, 'interrupted\n')
            )
            self.assertIs(signal.getsignal(signum), before)
        self.assertEqual(cleaned, [signal.SIGINT, signal.SIGTERM])

    def test_closed_pipe_ends_quietly(self):
        done = run_python("""
import subprocess, sys
code = '''
from kneerepro.utils import cli
def main():
    while True:
        print("line")
cli.run(main)
'''
process = subprocess.Popen([sys.executable, '-c', code],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
process.stdout.readline()
process.stdout.close()
print(process.wait(), process.stderr.read())
""")
        self.assertEqual(done.stdout, "141 b''\n", done.stderr)

    def test_bugs_keep_their_traceback(self):
        with self.assertRaises(ZeroDivisionError):
            cli.run(lambda: 1 / 0)


class TypesTest(unittest.TestCase):
    def parse(self, kind, text):
        parser = argparse.ArgumentParser()
        parser.add_argument('--number', type=kind)
        return parser.parse_args([f'--number={text}']).number

    def assert_refused(self, kind, text, reason):
        stderr = io.StringIO()
        with (
            contextlib.redirect_stderr(stderr),
            self.assertRaises(SystemExit) as context,
        ):
            self.parse(kind, text)
        self.assertEqual(context.exception.code, cli.BAD_INPUT)
        self.assertTrue(
            stderr.getvalue().endswith(f'argument --number: {reason}\n'),
            stderr.getvalue(),
        )

    def test_one_of(self):
        kind = cli.one_of(('wide', 'deep'))
        self.assertEqual(self.parse(kind, 'deep'), 'deep')
        self.assert_refused(kind, 'high', 'high is not one of wide, deep')

    def test_path(self):
        for text, path in ('-out', './-out'), ('a/-b', 'a/-b'), ('', ''):
            self.assertEqual(self.parse(cli.path, text), path)

    def test_positive_int(self):
        for text, number in [('1', 1), ('180', 180)]:
            self.assertEqual(self.parse(cli.positive_int, text), number)
        for text in ['0', '-1']:
            self.assert_refused(
                cli.positive_int, text, f'{text} is not at least 1'
            )
        for text in ['2.5', 'many', '', '1e3', 'inf']:
            self.assert_refused(
                cli.positive_int, text, f"'{text}' is not an integer"
            )

    def test_positive_float(self):
        for text, number in [('5e-5', 5e-5), ('1', 1.0)]:
            self.assertEqual(self.parse(cli.positive_float, text), number)
        for text in ['0', '-1e-9', 'nan', 'inf', '1e999', '-inf']:
            self.assert_refused(
                cli.positive_float, text, f'{text} is not a positive number'
            )
        for text in ['1/8', '']:
            self.assert_refused(
                cli.positive_float, text, f"'{text}' is not a number"
            )

    def test_seed(self):
        for text, number in [('0', 0), ('999999999', 999999999)]:
            self.assertEqual(self.parse(cli.seed, text), number)
        for text in ['-1', '1000000000']:
            self.assert_refused(
                cli.seed, text, f'{text} is not from 0 to 999999999'
            )
        self.assert_refused(cli.seed, 'x', "'x' is not an integer")

    def test_non_negative_float(self):
        for text, number in [('0', 0.0), ('2.5', 2.5)]:
            self.assertEqual(self.parse(cli.non_negative_float, text), number)
        for text in ['-1e-9', 'nan', 'inf']:
            self.assert_refused(
                cli.non_negative_float, text, f'{text} is not at least 0'
            )

    def test_decay_rate(self):
        for text, number in [('0', 0.0), ('0.999', 0.999)]:
            self.assertEqual(self.parse(cli.decay_rate, text), number)
        for text in ['-0.1', '1', 'nan']:
            self.assert_refused(
                cli.decay_rate, text, f'{text} is not at least 0 and below 1'
            )
