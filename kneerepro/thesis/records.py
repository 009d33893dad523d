"""The parts of a comparison with the thesis."""

from __future__ import annotations

from dataclasses import dataclass

MATCH, ERRATUM, MISMATCH = 'match', 'erratum', 'mismatch'


@dataclass(frozen=True)
class Cell:
    """A cell of a table, as printed and as built.

    Attributes
    ----------
    column : str
        Heading of its column, 'value' for a statement in the text.
    printed, built : str or None
        None in a row that is not printed, or not built.
    verdict : {'match', 'erratum', 'mismatch'}
        'erratum' if the two differ and errata explain the difference.
    errata : list of str
        Numbers of the errata that explain it, such as 'E3'.
    """

    column: str
    printed: str | None
    built: str | None
    verdict: str
    errata: list[str]


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    label : str
        Where it is printed, such as 'row 4 Deconv2D'.
    cells : list of Cell
    """

    label: str
    cells: list[Cell]


@dataclass(frozen=True)
class Comparison:
    """A printed table, or the text about an experiment, beside what is built.

    Attributes
    ----------
    number : str
        '2.1' to '2.5', or 'text'.
    title : str
        Caption of what is printed.
    subject : str
        Name of what is built.
    experiment : str or None
        None if the rows belong to several experiments.
    derived : bool
        Whether the printed cells are those of a 2D table carried over to
        three dimensions, where "the same layout was preserved" (section
        2.4.1). For GANs this goes beyond the thesis.
    parameters : int or None
        Number of trainable parameters of the network.
    rows : list of Row
    """

    number: str
    title: str
    subject: str
    experiment: str | None
    derived: bool
    parameters: int | None
    rows: list[Row]

    @property
    def table(self) -> str:
        """Where the thesis prints it, such as 'Table 2.1 in 3D'."""
        if self.number == 'text':
            return 'the text'
        return f'Table {self.number}' + (' in 3D' if self.derived else '')

    @property
    def place(self) -> str:
        """:attr:`table` with the subject, unless it has several."""
        return (
            f'{self.table} ({self.subject})' if self.experiment else self.table
        )


@dataclass(frozen=True)
class Report:
    """All comparisons of one reading of the thesis.

    Attributes
    ----------
    reading : str
        What the reading is called.
    comparisons : list of Comparison
    errata : dict of str to str
        For each number of an erratum, where it applies.
    problems : list of str
        Cells that no erratum explains, and errata that no longer apply.
    differences : dict of str to tuple of str
        For each parameter that differs from the thesis, its value and the
        thesis's.
    """

    reading: str
    comparisons: list[Comparison]
    errata: dict[str, str]
    problems: list[str]
    differences: dict[str, tuple[str, str]]
