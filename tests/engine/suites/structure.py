"""Test modules without their assertions on the structure of optimised graphs.

Theano's tests look at graphs to see that its rewrites were applied. Another
mode has other rewrites, so such an assertion says nothing about what a
function computes. It is left out when the module is imported; everything else
in the test remains.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator

# Attributes and functions by which a test looks at a graph.
_LOOKS = {
    'apply_nodes',
    'assertFunctionContains',
    'assertFunctionContains0',
    'assertFunctionContains1',
    'assertFunctionContainsClass',
    'assertFunctionContainsClassN',
    'assertFunctionContainsN',
    'check_stack_trace',
    'debugprint',
    'fgraph',
    'toposort',
}


def without_structure(source: str | bytes) -> ast.Module:
    """Parse a module, and drop its assertions on the structure of graphs.

    Parameters
    ----------
    source : str or bytes

    Returns
    -------
    ast.Module
        An assertion that is about a graph, or about anything computed from
        one, has become ``pass``.
    """
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            _Dropper(_names_of_graphs(function)).visit(function)
    return ast.fix_missing_locations(tree)


def _names_of_graphs(function):
    """The local names whose values come from a graph."""
    names: set = set()
    while True:
        found = {
            name
            for targets, value in _assignments(function)
            if _is_about_graphs(value, names)
            for name in _names_in(targets)
        }
        # What is counted in a loop over nodes.
        found |= {
            name
            for loop in ast.walk(function)
            if isinstance(loop, ast.For) and _is_about_graphs(loop.iter, names)
            for name in _names_in(loop.body)
        }
        if found <= names:
            return names
        names |= found


def _assignments(function) -> Iterator[tuple[list[ast.expr], ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            yield node.targets, node.value
        elif isinstance(node, ast.AugAssign):
            yield [node.target], node.value
        elif isinstance(node, (ast.For, ast.comprehension)):
            yield [node.target], node.iter


def _names_in(nodes):
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def _is_about_graphs(node, names):
    return any(
        (isinstance(part, ast.Attribute) and part.attr in _LOOKS)
        or (isinstance(part, ast.Name) and part.id in _LOOKS | names)
        for part in ast.walk(node)
    )


class _Dropper(ast.NodeTransformer):
    """Replaces assertions on graphs by ``pass``."""

    def __init__(self, names):
        self._names = names

    def visit_Assert(self, node):
        return self._kept(node, node.test)

    def visit_Expr(self, node):
        call = node.value
        if isinstance(call, ast.Call):
            name = getattr(call.func, 'attr', getattr(call.func, 'id', ''))
            if name.startswith(('assert', 'check_stack_trace')):
                return self._kept(node, call)
        return node

    def _kept(self, node, looked_at):
        if _is_about_graphs(looked_at, self._names):
            return ast.copy_location(ast.Pass(), node)
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module without such assertions, and never from a cache."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        tree = without_structure(self.get_data(path))
        return compile(tree, path, 'exec', dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, applies):
        self._applies = applies

    def find_spec(self, fullname, path=None, target=None):
        if not self._applies(fullname):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin and spec.origin.endswith('.py'):
            spec.loader = _Loader(fullname, spec.origin)
        return spec


def install(applies: Callable[[str], bool]) -> None:
    """Import modules without these assertions from now on.

    Parameters
    ----------
    applies : callable
        Whether this applies to a module, given its full name.
    """
    sys.meta_path.insert(0, _Finder(applies))
