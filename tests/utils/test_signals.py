import contextlib
import io
import os
import signal
import threading
import unittest

from kneerepro.utils.signals import (
    deferred_signals,
    ignore_signals,
    interrupting_signals,
    signal_of,
    stop_signals,
)


def send(signum):
    os.kill(os.getpid(), signum)


class StopSignalsTest(unittest.TestCase):
    def setUp(self):
        self.stderr = io.StringIO()
        redirected = contextlib.redirect_stderr(self.stderr)
        redirected.__enter__()
        self.addCleanup(redirected.__exit__, None, None, None)

    def test_the_first_signal_is_recorded(self):
        for signum in signal.SIGINT, signal.SIGTERM:
            with stop_signals() as received:
                self.assertEqual(received, [])
                send(signum)
                self.assertEqual(received, [signum])
        self.assertIn('stopping after this step', self.stderr.getvalue())

    def test_the_second_signal_interrupts(self):
        with self.assertRaises(KeyboardInterrupt) as caught, stop_signals():
            send(signal.SIGINT)
            send(signal.SIGTERM)
        self.assertEqual(signal_of(caught.exception), signal.SIGTERM)

    def test_several_processes(self):
        with stop_signals(together=True) as received:
            send(signal.SIGINT)
            send(signal.SIGTERM)
        self.assertEqual(received, [signal.SIGINT, signal.SIGTERM])
        self.assertEqual(self.stderr.getvalue(), '')

    def test_handlers_are_restored(self):
        before = signal.getsignal(signal.SIGTERM)
        with stop_signals():
            self.assertIsNot(signal.getsignal(signal.SIGTERM), before)
        self.assertIs(signal.getsignal(signal.SIGTERM), before)


class DeferredSignalsTest(unittest.TestCase):
    def test_signals_are_raised_at_the_end(self):
        hurried, ended = [], False
        with (
            self.assertRaises(KeyboardInterrupt) as caught,
            deferred_signals(lambda: hurried.append(True)),
        ):
            send(signal.SIGTERM)
            send(signal.SIGINT)
            ended = True
        self.assertTrue(ended)
        self.assertEqual(hurried, [True, True])
        self.assertEqual(signal_of(caught.exception), signal.SIGTERM)

    def test_no_signal(self):
        before = signal.getsignal(signal.SIGINT)
        with deferred_signals(self.fail):
            pass
        self.assertIs(signal.getsignal(signal.SIGINT), before)


class InterruptingSignalsTest(unittest.TestCase):
    def test_the_exception_names_the_signal(self):
        for signum in signal.SIGINT, signal.SIGTERM:
            with (
                self.assertRaises(KeyboardInterrupt) as caught,
                interrupting_signals(),
            ):
                send(signum)
            self.assertEqual(signal_of(caught.exception), signum)

    def test_pythons_own_interrupt_counts_as_sigint(self):
        self.assertEqual(signal_of(KeyboardInterrupt()), signal.SIGINT)

    def test_does_nothing_outside_the_main_thread(self):
        entered = []

        def work():
            with interrupting_signals():
                entered.append(signal.getsignal(signal.SIGTERM))

        before = signal.getsignal(signal.SIGTERM)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(entered, [before])


class IgnoreSignalsTest(unittest.TestCase):
    def setUp(self):
        for signum in signal.SIGINT, signal.SIGTERM:
            handler = signal.getsignal(signum)
            self.addCleanup(signal.signal, signum, handler)

    def send_all(self):
        send(signal.SIGINT)
        send(signal.SIGTERM)

    def test_until_the_end(self):
        with interrupting_signals():
            ignore_signals()
            self.send_all()
        self.send_all()

    def test_from_the_first_on(self):
        with interrupting_signals():
            with (
                self.assertRaises(KeyboardInterrupt) as caught,
                interrupting_signals(together=True),
            ):
                send(signal.SIGTERM)
            self.send_all()
        self.assertEqual(signal_of(caught.exception), signal.SIGTERM)
        self.send_all()
