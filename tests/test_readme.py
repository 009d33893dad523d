import os
import re
import unittest

from kneerepro.data.defects import NOTES, REJECTIONS
from tests.subprocesses import ROOT


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(ROOT, 'README.rst'), encoding='utf-8') as file:
            self.text = file.read()

    def test_explains_all_codes(self):
        for code, meaning in [*REJECTIONS.items(), *NOTES.items()]:
            self.assertRegex(self.text, rf'(?m)^{code} +{re.escape(meaning)}$')

    def test_scripts_exist(self):
        scripts = set(re.findall(r'\b(?:data|experiments|benchmarks)/\w+\.py',
                                 self.text))
        self.assertGreater(len(scripts), 5)
        for script in scripts:
            self.assertTrue(os.path.exists(os.path.join(ROOT, script)),
                            script)
