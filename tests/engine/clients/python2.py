"""Converts programs in Python 2.

``2to3`` converts the syntax. It leaves the division of integers as it is,
which rounds down in Python 2: here, a function takes the place of ``/``.
"""

from __future__ import annotations

import ast
import importlib.util
import numbers
import operator
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

_IMPORTS_DIVISION = re.compile(rb'(?m)^from __future__ import .*\bdivision\b')


def converter() -> str | None:
    """The module that does what ``2to3`` did, or None if there is none."""
    for name in 'lib2to3', 'fissix':
        if importlib.util.find_spec(name) is not None:
            return name
    return None


def convert(folder: str | Path) -> None:
    """Convert all files in a folder, in place."""
    # 2to3 removes these imports.
    as_python3 = {
        path
        for path in Path(folder).rglob('*.py')
        if _IMPORTS_DIVISION.search(path.read_bytes())
    }
    subprocess.run(
        [
            *(sys.executable, '-W', 'ignore', '-m', converter()),
            *('--write', '--nobackups', '--no-diffs', str(folder)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for path in Path(folder).rglob('*.py'):
        try:
            tree = ast.parse(path.read_bytes())
        except SyntaxError:
            continue  # a file that the program may not need
        if path not in as_python3:
            tree = ast.fix_missing_locations(_Divider().visit(tree))
            path.write_text(ast.unparse(tree), encoding='utf-8')


class _Divider(ast.NodeTransformer):
    """Replaces ``a / b`` by ``divide_as_python2(a, b)``."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return self._call(node.left, node.right)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        # The division of an array in place is another operation.
        if isinstance(node.op, ast.Div) and isinstance(node.target, ast.Name):
            left = ast.Name(node.target.id, ast.Load())
            in_place = ast.Constant(True)
            return ast.Assign(
                [node.target], self._call(left, node.value, in_place)
            )
        return node

    def _call(self, *arguments):
        return ast.Call(
            ast.Name(divide_as_python2.__name__, ast.Load()),
            list(arguments),
            [],
        )


def divide_as_python2(a: Any, b: Any, in_place: bool = False) -> Any:
    """Divide as Python 2 does: round down if both are integers."""
    if all(map(_is_integer, (a, b))):
        return a // b
    return operator.itruediv(a, b) if in_place else operator.truediv(a, b)


def _is_integer(value):
    if isinstance(value, np.ndarray):
        return value.dtype.kind in 'iu'
    return isinstance(value, numbers.Integral)
