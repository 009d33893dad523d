import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run_python(code, *options, arguments=(), **environment):
    """Run code in a fresh Python, in which nothing has been imported.

    Warnings are errors there. Keywords are environment variables; those of
    Theano are unset unless given.
    """
    environment = {
        **os.environ,
        'THEANO_FLAGS': '',
        'THEANORC': os.devnull,
        'PYTHONWARNINGS': '',
        **environment,
    }
    return subprocess.run(
        [sys.executable, '-W', 'error', *options, '-c', code, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
