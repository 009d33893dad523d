import unittest

import jinja2

from kneerepro.utils.pages import template_environment


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
