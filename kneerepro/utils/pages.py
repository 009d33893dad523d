"""Pages of HTML, from the templates of this package."""

import jinja2


def environment(**filters):
    """Where the templates are found, and how they are filled in.

    Parameters
    ----------
    filters : callable
        By name, what the templates use besides Jinja's own.

    Returns
    -------
    jinja2.Environment
    """
    made = jinja2.Environment(
        loader=jinja2.PackageLoader('kneerepro'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update(filters)
    return made
