"""What is installed, and the files of other tools that install it."""

import configparser
import os
import re
import unittest

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.subprocesses import ROOT

PYTHONS = '3.9', '3.10', '3.11', '3.12', '3.13'


def read(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        return file.read()


def setup_arguments():
    """What setup.py passes to setuptools."""
    found = {}
    code = read('setup.py').replace(
        'from setuptools import find_packages, setup',
        'from setuptools import find_packages',
    )
    folder = os.getcwd()
    os.chdir(ROOT)
    try:
        exec(code, {'setup': lambda **arguments: found.update(arguments)})
    finally:
        os.chdir(folder)
    return found


def pins(python):
    """The versions in requirements.txt for a Python."""
    requirements = [
        Requirement(line)
        for line in re.sub('(?m)#.*', '', read('requirements.txt')).split('\n')
        if line.strip()
    ]
    return {
        requirement.name.lower(): re.sub('^==', '', str(requirement.specifier))
        for requirement in requirements
        if requirement.marker is None
        or requirement.marker.evaluate({'python_version': python})
    }


class SetupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.arguments = setup_arguments()

    def test_requirements_are_pinned(self):
        for python in PYTHONS:
            pinned = pins(python)
            extras = self.arguments['extras_require']
            required = [
                *self.arguments['install_requires'],
                *(line for extra in extras.values() for line in extra),
            ]
            for line in required:
                requirement = Requirement(line)
                name = requirement.name.lower()
                if requirement.marker and not requirement.marker.evaluate(
                    {'python_version': python}
                ):
                    continue
                if name in ('torch', 'tensorboardx') and python == '3.9':
                    continue  # they have no build for it any more
                self.assertIn(
                    pinned[name], requirement.specifier, f'{line}, {python}'
                )

    def test_all_packages_and_their_data(self):
        packages = self.arguments['packages']
        for folder, _, names in os.walk(os.path.join(ROOT, 'kneerepro')):
            name = os.path.relpath(folder, ROOT).replace(os.sep, '.')
            if '__init__.py' in names:
                self.assertIn(name, packages)
        self.assertIn('layers', packages)
        patterns = self.arguments['package_data']['kneerepro']
        self.assertIn('py.typed', patterns)
        kinds = {os.path.dirname(pattern) for pattern in patterns}
        for folder, _, names in os.walk(os.path.join(ROOT, 'kneerepro')):
            others = [
                name
                for name in names
                if not name.endswith(('.py', '.pyc')) and name != 'py.typed'
            ]
            if others:
                inside = os.path.relpath(
                    folder, os.path.join(ROOT, 'kneerepro')
                )
                self.assertIn(inside, kinds, others)

    def test_command(self):
        (line,) = self.arguments['entry_points']['console_scripts']
        parser = configparser.ConfigParser()
        parser.read_string(f'[console_scripts]\n{line}')
        module, function = parser['console_scripts']['kneerepro'].split(':')
        self.assertTrue(
            callable(getattr(__import__(module, fromlist=['_']), function))
        )


class OtherToolsTest(unittest.TestCase):
    """Dockerfile and environment.yml, which cannot be run here."""

    def test_pythons(self):
        allowed = SpecifierSet(setup_arguments()['python_requires'])
        (image,) = re.findall(
            '(?m)^FROM python:([0-9.]+)-slim$', read('Dockerfile')
        )
        (conda,) = re.findall(
            '(?m)^  - python=([0-9.]+)$', read('environment.yml')
        )
        for python in image, conda:
            self.assertIn(python, allowed)
            # The one that make prefers.
            self.assertIn(
                f'candidates=${{2:-python{python} ', read('build_venv.sh')
            )
            pins(python)['torch']  # there is one

    def test_all_else_comes_from_requirements(self):
        """They install tools for make, and no package of Python."""
        tools = re.findall(r'(?m)^  - ([\w-]+)$', read('environment.yml'))
        self.assertEqual(tools, ['conda-forge', 'make', 'gxx'])
        (installed,) = re.findall(
            'apt-get install --yes --no-install-recommends (.*) \\\\',
            read('Dockerfile'),
        )
        self.assertEqual(installed, 'g++ make')
        for name in 'Dockerfile', 'environment.yml':
            self.assertNotRegex(read(name), r'\bpip\b')

    def test_commands_are_those_of_the_documentation(self):
        pages = {
            line.strip().split('    #')[0]
            for page in ('README.rst', 'docs/start.rst')
            for line in read(page).split('\n')
        }
        commented = {
            name: re.findall(
                r'(?m)^# +((?:docker|conda|make) .*)$', read(name)
            )
            for name in ('Dockerfile', 'environment.yml')
        }
        self.assertEqual(list(map(len, commented.values())), [4, 3])
        self.assertEqual(set(sum(commented.values(), [])) - pages, set())
        self.assertIn('RUN make setup TORCH=$TORCH\n', read('Dockerfile'))
        self.assertIn('make setup', pages)
        self.assertIn('CMD ["make", "cae3d"]\n', read('Dockerfile'))
        self.assertIn('make cae3d', pages)

    def test_syntax(self):
        instructions = re.sub('(?m)^#.*\n', '', read('Dockerfile'))
        instructions = instructions.replace('\\\n', '').split('\n')
        words = {line.split()[0] for line in instructions if line}
        self.assertEqual(
            words, {'FROM', 'RUN', 'WORKDIR', 'COPY', 'ARG', 'ENV', 'CMD'}
        )
        for line in read('environment.yml').split('\n'):
            self.assertRegex(line, r'^$|^#|^\w+:( [\w-]+)?$|^  - [\w.=-]+$')
