"""HTML pages, from the templates of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2


def template_environment(**filters: Callable[..., Any]) -> jinja2.Environment:
    """Set up Jinja to load and fill in the templates.

    Parameters
    ----------
    filters : callable
        Filters by name that the templates use in addition to Jinja's own.

    Returns
    -------
    jinja2.Environment
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('kneerepro'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(filters)
    return environment
