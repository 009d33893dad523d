"""Select series by their description."""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kneerepro.utils.text import printable

# The OAI's description of the series that the thesis used (section 2.1).
DEFAULT = 'SAG_3D_DESS_(LEFT|RIGHT)'


@dataclass(frozen=True)
class Selection:
    """Those series whose description matches a pattern.

    Parameters
    ----------
    pattern : str or None
        A regular expression to search for in SeriesDescription, regardless
        of case; None selects all series.
    """

    pattern: str | None = DEFAULT

    def __contains__(self, description: str) -> bool:
        return self.pattern is None or bool(
            re.search(self.pattern, description, re.IGNORECASE)
        )

    def explain(self, descriptions: Iterable[str]) -> str:
        """Say what the series that are not selected are called.

        Parameters
        ----------
        descriptions : iterable of str
            SeriesDescription of each of them.

        Returns
        -------
        str
            A sentence; '' if there are none.
        """
        others = Counter(descriptions)
        if not others:
            return ''
        listed = ', '.join(
            f"'{printable(name)}' ({count})"
            for name, count in others.most_common(5)
        )
        return (
            f"None of these descriptions matches '{self.pattern}': {listed}; "
            'choose with --series-description, or use --any-series'
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select series to a script's parser."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        '--series-description',
        metavar='REGEX',
        type=_expression,
        default=DEFAULT,
        help='take series whose SeriesDescription matches',
    )
    group.add_argument(
        '--any-series',
        action='store_true',
        help='take all MR image series, whatever their description',
    )


def selection_of(args: argparse.Namespace) -> Selection:
    """The :class:`Selection` that parsed arguments ask for."""
    return Selection(None if args.any_series else args.series_description)


def _expression(text):
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no regular expression: {error}'
        ) from None
    # As the descriptions are: some keyboards separate letters and accents.
    return unicodedata.normalize('NFC', text)
