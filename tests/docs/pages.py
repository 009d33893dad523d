"""Runs the examples of a page as sphinx.ext.doctest does, without Sphinx."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import textwrap

from tests.subprocesses import ROOT

_BLOCK = re.compile(
    r'^\.\. ([\w-]+)::(.*)\n\n((?:(?: {4}.*)?\n)+)', re.MULTILINE
)


def blocks(page, *kinds):
    """Yield the directives of some kinds on a page.

    Parameters
    ----------
    page : str
        Its file name in docs/.
    *kinds : str
        Names of directives, such as 'testcode'.

    Yields
    ------
    kind, argument, content : str
    """
    with open(os.path.join(ROOT, 'docs', page), encoding='utf-8') as file:
        text = file.read() + '\n'
    for kind, argument, content in _BLOCK.findall(text):
        if kind in kinds:
            content = textwrap.dedent(content).strip('\n') + '\n'
            yield kind, argument.strip(), content


def the_block(page, argument):
    """Return the only code block of a page in some language."""
    (content,) = [
        content
        for _, found, content in blocks(page, 'code-block')
        if found == argument
    ]
    return content


def run_examples(page):
    """Run all examples of a page.

    Returns
    -------
    list of str
        What differs from the page.
    """
    namespace: dict = {}
    differences, printed = [], ''
    try:
        for _, _, code in blocks(page, 'testsetup'):
            exec(code, namespace)
        for kind, _, content in blocks(
            page, 'testcode', 'testoutput', 'doctest'
        ):
            if kind == 'testoutput':
                if printed != content:
                    differences.append(f'{content}is printed as\n{printed}')
            elif kind == 'testcode':
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    exec(compile(content, page, 'exec'), namespace)
                printed = output.getvalue()
            else:
                differences += _run_doctest(content, namespace, page)
    finally:
        for _, _, code in blocks(page, 'testcleanup'):
            exec(code, namespace)
    return differences


def _run_doctest(content, namespace, page):
    test = doctest.DocTestParser().get_doctest(
        content, namespace, page, page, 0
    )
    reported: list[str] = []
    doctest.DocTestRunner().run(test, out=reported.append, clear_globs=False)
    return reported
