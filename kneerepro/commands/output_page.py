"""The page on which the output of a command can be browsed."""

from __future__ import annotations

from kneerepro.experiment.browser import Browser
from kneerepro.utils.pages import as_base64, save_page, template_environment


def write(
    path: str, title: str, source: str, browser: Browser | None, picture: str
) -> None:
    """Write the page.

    Parameters
    ----------
    path : str
    title : str
    source : str
        The model and the data.
    browser : Browser or None
        None if the images are too large for a page.
    picture : str
        A PNG that shows the same without JavaScript and on paper.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    with open(picture, 'rb') as file:
        content = as_base64(file.read())
    page = (
        template_environment()
        .get_template('output.html')
        .render(title=title, source=source, browser=browser, picture=content)
    )
    save_page(page, path)
