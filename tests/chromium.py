"""Open pages in a headless Chromium.

It is driven by its DevTools protocol, JSON over two pipes:
https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from tests.folders import FolderTest

BINARY = shutil.which('chromium') or shutil.which('chromium-browser')

FLAGS = (
    '--headless',
    '--no-sandbox',  # which root cannot use
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-extensions',
    '--force-color-profile=srgb',
    '--hide-scrollbars',
    '--no-first-run',
    '--remote-debugging-pipe',
)

# Chromium reads commands from file descriptor 3 and answers on 4. Popen uses
# low descriptors itself, so they are moved there only in the new process.
LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in enumerate(ends, 3):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""

TIMEOUT = 60  # seconds for an answer

KEYS = {
    'ArrowLeft': 37,
    'ArrowUp': 38,
    'ArrowRight': 39,
    'ArrowDown': 40,
    'PageUp': 33,
    'Home': 36,
    'End': 35,
    'Tab': 9,
}


class ChromiumTest(FolderTest):
    """Has a page in a headless Chromium, `chromium`, for all tests of a class.
    Skipped where there is no Chromium.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if BINARY is None:
            raise unittest.SkipTest(
                "needs Chromium: Debian's package chromium"
            )
        cls.chromium = Chromium()
        cls.addClassCleanup(cls.chromium.close)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out
        super().tearDownClass()


class Chromium:
    """A headless Chromium with one page.

    Attributes
    ----------
    messages : list of str
        What the page has written to the console, and errors.
    requests : list of str
        The addresses that it has asked for.
    """

    def __init__(self, width=1280, height=720):
        with contextlib.ExitStack() as stack:
            self._start(stack)
            stack.callback(self._stop)
            target = self._call('Target.createTarget', url='about:blank')[
                'targetId'
            ]
            self._session = self._call(
                'Target.attachToTarget', targetId=target, flatten=True
            )['sessionId']
            for domain in 'Page', 'Runtime', 'Log', 'Network':
                self._call(f'{domain}.enable')
            self._call(
                'Emulation.setDeviceMetricsOverride',
                width=width,
                height=height,
                deviceScaleFactor=1,
                mobile=False,
            )
            self._resources = stack.pop_all()

    def close(self):
        self._resources.close()

    # ------------------------------------------------------------- the page

    def open(self, path, scripts=True):
        """Open a file and wait until it is loaded."""
        self._call('Emulation.setScriptExecutionDisabled', value=not scripts)
        self.messages, self.requests = [], []
        self._loaded = False
        self._call('Page.navigate', url=f'file://{os.path.abspath(path)}')
        while not self._loaded:
            self._read()

    def evaluate(self, expression):
        """The value of an expression of JavaScript; promises are awaited."""
        answer = self._call(
            'Runtime.evaluate',
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        if 'exceptionDetails' in answer:
            raise AssertionError(answer['exceptionDetails'])
        return answer['result'].get('value')

    def wait_for(self, expression):
        """Wait until an expression is true."""
        end = time.monotonic() + TIMEOUT
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise AssertionError(f'{expression} did not become true')
            time.sleep(0.02)

    def press(self, key, shift=False):
        """Press a key."""
        for kind in 'keyDown', 'keyUp':
            self._call(
                'Input.dispatchKeyEvent',
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=KEYS.get(key, 0) or ord(key),
                text=key if len(key) == 1 and kind == 'keyDown' else '',
                modifiers=8 if shift else 0,
            )

    def drag(self, start, end):
        """Move the mouse to a place, press its button, move it to another
        place, and release the button.
        """
        for kind, (x, y), buttons in [
            ('mouseMoved', start, 0),
            ('mousePressed', start, 1),
            ('mouseMoved', end, 1),
            ('mouseReleased', end, 0),
        ]:
            self._call(
                'Input.dispatchMouseEvent',
                type=kind,
                x=x,
                y=y,
                button='left',
                buttons=buttons,
                clickCount=1,
            )

    def emulate(self, media):
        """Show the page as on 'screen' or in 'print'."""
        self._call('Emulation.setEmulatedMedia', media=media)

    def screenshot(self, path, clip=None, scale=1):
        """Save a picture of the whole page, or of the element that a CSS
        selector names.
        """
        box = self.evaluate(
            '(() => { const box = document.querySelector('
            f'{json.dumps(clip or "html")}).getBoundingClientRect(); return '
            '{x: box.x + scrollX, y: box.y + scrollY, width: box.width, '
            'height: box.height}; })()'
        )
        picture = self._call(
            'Page.captureScreenshot',
            captureBeyondViewport=True,
            clip={**box, 'scale': scale},
        )
        with open(path, 'wb') as file:
            file.write(base64.b64decode(picture['data']))

    def save_pdf(self, path):
        """Print the page into a PDF."""
        printed = self._call('Page.printToPDF')
        with open(path, 'wb') as file:
            file.write(base64.b64decode(printed['data']))

    # --------------------------------------------------------- the protocol

    def _start(self, stack):
        folder = tempfile.mkdtemp()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        for end in self._commands, self._answers:
            stack.callback(os.close, end)
        self._process = subprocess.Popen(
            [
                sys.executable,
                '-c',
                LAUNCHER,
                str(commands),
                str(answers),
                BINARY,
                *FLAGS,
                f'--user-data-dir={folder}',
            ],
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in commands, answers:
            os.close(end)
        self._received, self._number, self._session = b'', 0, None
        self.messages, self.requests = [], []

    def _stop(self):
        with contextlib.suppress(AssertionError, OSError):
            self._session = None
            self._call('Browser.close')
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _call(self, method, **parameters):
        self._number += 1
        command = {
            'id': self._number,
            'method': method,
            'params': parameters,
        }
        if self._session:
            command['sessionId'] = self._session
        content = json.dumps(command).encode() + b'\0'
        while content:
            content = content[os.write(self._commands, content) :]
        while True:
            answer = self._read()
            if answer.get('id') == self._number:
                break
        if 'error' in answer:
            raise AssertionError(f'{method}: {answer["error"]}')
        return answer['result']

    def _read(self):
        """Read a message; keep what it tells of the page."""
        while b'\0' not in self._received:
            if not select.select([self._answers], [], [], TIMEOUT)[0]:
                raise AssertionError(f'no answer in {TIMEOUT} s')
            part = os.read(self._answers, 2**16)
            if not part:
                raise AssertionError('Chromium has ended')
            self._received += part
        content, _, self._received = self._received.partition(b'\0')
        message = json.loads(content)
        about, method = message.get('params', {}), message.get('method')
        if method == 'Page.loadEventFired':
            self._loaded = True
        elif method == 'Network.requestWillBeSent':
            self.requests.append(about['request']['url'])
        elif method in (
            'Runtime.consoleAPICalled',
            'Runtime.exceptionThrown',
            'Log.entryAdded',
        ):
            self.messages.append(json.dumps(about))
        return message
