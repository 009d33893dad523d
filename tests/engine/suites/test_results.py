from tests.engine.suites.results import ResultsFile
from tests.folders import FolderTest

PASSED, FAILED = {'a': ['passed', '']}, {'a': ['failed', 'an error']}


class ResultsFileTest(FolderTest):
    def file(self, device='cpu'):
        return ResultsFile(self.path('new', 'results'), device)

    def test_the_last_results_of_a_module_count(self):
        self.assertEqual(self.file().read(), {})
        self.file().add('x', FAILED, PASSED)
        self.file().add('y', FAILED, FAILED)
        self.file().add('x', PASSED, PASSED)
        self.assertEqual(
            self.file().read(), {'x': (PASSED, PASSED), 'y': (FAILED, FAILED)}
        )

    def test_devices(self):
        self.file('cuda').add('x', FAILED, PASSED)
        self.assertEqual(self.file().read(), {})
        self.assertEqual(self.file('cuda').read(), {'x': (FAILED, PASSED)})

    def test_a_line_that_was_not_written_whole(self):
        self.file().add('x', PASSED, PASSED)
        with open(self.file().path, 'a') as file:
            file.write('{"device": "cpu", "mod')
        self.assertEqual(self.file().read(), {'x': (PASSED, PASSED)})
