"""Which of the series in a folder are meant."""

import argparse
import re
from collections import Counter

# What the OAI calls the series that the thesis used (section 2.1).
DEFAULT = 'SAG_3D_DESS_(LEFT|RIGHT)'


class Selection:
    """Series by their description.

    Parameters
    ----------
    pattern : str or None
        A regular expression that is searched for in SeriesDescription,
        regardless of case; None takes all series.
    """

    def __init__(self, pattern=DEFAULT):
        self.pattern = pattern
        self._expression = pattern and re.compile(pattern, re.IGNORECASE)

    def __contains__(self, description):
        return (
            self._expression is None
            or self._expression.search(description) is not None
        )

    def explain(self, found):
        """What the series that are not meant are called.

        Parameters
        ----------
        found : list of kneerepro.data.reading.records.Found

        Returns
        -------
        str
            A sentence, or nothing if all are meant.
        """
        others = Counter(one.description for one in found if not one.selected)
        if not others:
            return ''
        return (
            f"None of these descriptions matches '{self.pattern}': "
            + ', '.join(
                f"'{name}' ({count})" for name, count in others.most_common(5)
            )
            + '; choose with --series-description, or --any-series'
        )


def add_arguments(parser):
    """Let the user of a script say which series are meant."""
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


def selection_of(args):
    """The :class:`Selection` that parsed arguments ask for."""
    return Selection(None if args.any_series else args.series_description)


def _expression(text):
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no regular expression: {error}'
        ) from None
    return text
