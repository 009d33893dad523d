"""Configuration of the documentation: ``make docs`` builds it."""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
# The package of this checkout, whether or not it is installed; the notebook
# runs in a process of its own.
sys.path.insert(0, os.path.dirname(FOLDER))
os.environ['PYTHONPATH'] = os.pathsep.join(
    filter(None, [os.path.dirname(FOLDER), os.environ.get('PYTHONPATH')])
)

import kneerepro  # noqa: E402, must come before Theano

project = 'kneerepro'
author = 'the developers of kneerepro'
version = release = kneerepro.__version__
language = 'en'

extensions = [
    'sphinx.ext.autodoc',
    'sphinx.ext.doctest',
    'sphinx.ext.viewcode',
    'numpydoc',
    'myst_nb',
]
exclude_patterns = ['_build', 'requirements.txt', '**.ipynb_checkpoints']
highlight_language = 'none'  # most blocks are commands; Python is marked
default_role = 'code'  # `x` in a docstring is a parameter
nitpicky = True
# The build does not download other packages' indices of names.
nitpick_ignore_regex = [
    ('py:.*', r'(?!kneerepro|layers)(\w+\.)+\w+'),
    ('py:mod', r'(?!kneerepro|layers)\w+'),
]

autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True}
# numpydoc's sections give the types.
autodoc_typehints = 'none'
# Show defaults as they are written in the source, not their values.
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

# Run the notebook, in a temporary folder. Its outputs are not in the
# repository.
nb_execution_mode = 'force'
nb_execution_in_temp = True
nb_execution_timeout = 300  # seconds a cell; all take less than a minute
nb_execution_raise_on_error = True
nb_execution_show_tb = True

# Run the doctests of all pages. Each imports what it uses.
doctest_test_doctest_blocks = 'default'
trim_doctest_flags = True


def _skip_tuple_fields(app, what, name, obj, skip, options):
    """Skip the fields of named tuples, whose own docstrings say nothing."""
    return True if type(obj).__name__ == '_tuplegetter' else skip


def _run_notebook_once(app):
    """Leave the notebook to the build of the pages."""
    if app.builder.name == 'doctest':
        app.config.nb_execution_mode = 'off'


def setup(app):
    """Register the extensions of this project; Sphinx calls it."""
    app.connect('autodoc-skip-member', _skip_tuple_fields)
    # Before myst_nb reads its configuration.
    app.connect('builder-inited', _run_notebook_once, priority=100)
