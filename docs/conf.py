"""Configuration of the documentation: ``make docs`` builds it."""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))  # an installed one or not

import kneerepro  # noqa: E402, before Theano

project = 'kneerepro'
author = 'the developers of kneerepro'
version = release = kneerepro.__version__
language = 'en'

extensions = [
    'sphinx.ext.autodoc',
    'sphinx.ext.doctest',
    'sphinx.ext.mathjax',
    'sphinx.ext.viewcode',
    'numpydoc',
]
exclude_patterns = ['_build', 'requirements.txt']
highlight_language = 'none'  # commands; Python says so
default_role = 'code'  # `x` in docstrings is a parameter
nitpicky = True
# Other packages' documentation is not at hand.
nitpick_ignore_regex = [
    ('py:.*', r'(?!kneerepro|layers)(\w+\.)+\w+'),
    ('py:mod', r'(?!kneerepro|layers)\w+'),
]

autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True}
# Signatures with names in the place of long defaults.
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = 'furo'
html_title = f'kneerepro {release}'
html_theme_options = {'navigation_with_keys': True}
html_static_path = ['_static']
html_css_files = ['tables.css']
html_show_sphinx = False
html_copy_source = False

# Doctests are those of pages; what they need is in each of them.
doctest_test_doctest_blocks = 'default'
trim_doctest_flags = True


def _leave_out(app, what, name, obj, skip, options):
    """Fields of named tuples, which say only that they are fields."""
    return True if type(obj).__name__ == '_tuplegetter' else skip


def setup(app):
    app.connect('autodoc-skip-member', _leave_out)
