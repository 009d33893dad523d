import unittest

import jinja2

from kneerepro.utils.pages import as_base64, save_page, template_environment
from tests.folders import FolderTest


class TemplateEnvironmentTest(unittest.TestCase):
    def render(self, source, filters=None, **values):
        environment = template_environment(**(filters or {}))
        return environment.from_string(source).render(**values)

    def test_escapes_html(self):
        self.assertEqual(self.render('{{ x }}', x='<b>'), '&lt;b&gt;')

    def test_applies_the_given_filters(self):
        filters = {'double': lambda number: 2 * number}
        self.assertEqual(self.render('{{ 3 | double }}', filters), '6')

    def test_refuses_undefined_names(self):
        with self.assertRaises(jinja2.UndefinedError):
            self.render('{{ missing }}')

    def test_finds_the_templates_of_the_package(self):
        names = template_environment().list_templates()
        self.assertIn('report.html', names)
        self.assertIn('compare.html', names)

    def test_inlines_scripts_and_styles(self):
        for name in (
            'browser.js',
            'curves.js',
            'page.css',
            'vendor/uPlot.js',
            'vendor/uPlot.css',
            'vendor/uPlot.LICENSE.txt',
        ):
            text = self.render('{{ inline(name) }}', name=name)
            self.assertGreater(len(text), 500)
            # They would end where they are inlined.
            self.assertNotRegex(text, r'</(script|style)')
        self.assertIn(
            'uPlot (v1.6.32)', self.render("{{ inline('vendor/uPlot.js') }}")
        )


class SavePageTest(FolderTest):
    def test_names_that_are_no_text(self):
        path = self.path('new', 'page.html')
        save_page('<p>ä \udcff</p>', path)
        self.assertEqual(self.read(path), '<p>ä \\udcff</p>'.encode())

    def test_base64(self):
        self.assertEqual(as_base64(b'abc'), 'YWJj')
