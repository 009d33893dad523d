"""HTML pages, from the templates of this package."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jinja2
from markupsafe import Markup

from kneerepro.utils.files import replacing


def template_environment(**filters: Callable[..., Any]) -> jinja2.Environment:
    """Set up Jinja to load and fill in the templates.

    Parameters
    ----------
    filters : callable
        Filters by name that the templates use in addition to Jinja's own.

    Returns
    -------
    jinja2.Environment
        Its templates have one more function: ``inline(name)`` returns a
        script or a style sheet beside the templates as it is, so that pages
        need no other file.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('kneerepro'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(filters)

    def inline(name: str) -> Markup:
        assert environment.loader is not None
        return Markup(environment.loader.get_source(environment, name)[0])

    environment.globals['inline'] = inline
    return environment


def save_page(page: str, path: str) -> None:
    """Write a page to a file, which appears once it is complete.

    Parameters
    ----------
    page : str
    path : str

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    # File names may hold bytes that are no text.
    with (
        replacing(path) as temporary,
        open(
            temporary, 'w', encoding='utf-8', errors='backslashreplace'
        ) as file,
    ):
        file.write(page)


def as_base64(content: bytes) -> str:
    """The content of a picture for a ``data:`` URI."""
    return base64.b64encode(content).decode('ascii')
