import ast
import importlib
import sys
import textwrap
import unittest

from tests.engine.suites import structure
from tests.engine.suites.structure import without_structure
from tests.folders import FolderTest


class WithoutStructureTest(unittest.TestCase):
    def kept(self, source):
        """The lines of a function that remain."""
        source = 'def test(self):\n' + textwrap.indent(source, '    ')
        lines = ast.unparse(without_structure(source)).splitlines()[1:]
        return [line.strip() for line in lines if line.strip() != 'pass']

    def test_assertions_on_graphs(self):
        for line in [
            'assert len(f.maker.fgraph.toposort()) == 1',
            'self.assertTrue(f.maker.fgraph.apply_nodes)',
            'assert check_stack_trace(f, ops_to_check=Dot)',
            'self.assertFunctionContains1(f, Dot)',
            'assert any(isinstance(n.op, Dot) for n in '
            'f.maker.fgraph.toposort())',
        ]:
            self.assertEqual(self.kept(line), [], line)

    def test_names_of_graphs(self):
        source = (
            'topo = f.maker.fgraph.toposort()\n'
            'count = len(topo)\n'
            'for node in topo:\n'
            '    assert node.op\n'
            'assert count == 3\n'
            'self.assertEqual(count, 3)\n'
        )
        self.assertEqual(
            self.kept(source),
            [
                'topo = f.maker.fgraph.toposort()',
                'count = len(topo)',
                'for node in topo:',
            ],
        )

    def test_counts_of_nodes(self):
        source = (
            'count = 0\n'
            'for node in f.maker.fgraph.toposort():\n'
            '    count += 1\n'
            'assert count == 1\n'
            'assert f(3) == 9\n'
        )
        self.assertEqual(
            self.kept(source),
            [*source.splitlines()[:2], 'count += 1', 'assert f(3) == 9'],
        )

    def test_others_remain(self):
        for line in [
            'assert f(3) == 9',
            'self.assertEqual(f(3), 9)',
            'utt.assert_allclose(f(3), 9)',
            'f.maker.fgraph.toposort()',
            'raise ValueError(topo)',
        ]:
            self.assertEqual(self.kept(line), [line])


class ImportTest(FolderTest):
    def test_imported_without_them(self):
        self.write(
            'graph_tests.py',
            b'def test(f):\n'
            b'    assert f.fgraph\n'
            b'    assert f.value == 1\n'
            b'    return "the end"\n',
        )
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        structure.install(lambda name: name == 'graph_tests')
        self.addCleanup(sys.meta_path.pop, 0)
        self.addCleanup(sys.modules.pop, 'graph_tests')
        module = importlib.import_module('graph_tests')

        class Function:
            fgraph, value = None, 1

        self.assertEqual(module.test(Function), 'the end')
        Function.value = 2
        with self.assertRaises(AssertionError):
            module.test(Function)
