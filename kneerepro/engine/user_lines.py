"""The lines of the user's program that made a variable, for error messages."""

from __future__ import annotations

from theano.gof import Apply, FunctionGraph, Variable
from theano.gof.toolbox import Feature


class UserLines(Feature):
    """Lets variables that replace others remember the lines that made those,
    as a feature of the graph.
    """

    def on_change_input(
        self,
        fgraph: FunctionGraph,
        node: Apply | str,
        i: int,
        old: Variable,
        new: Variable,
        reason: object = None,
    ) -> None:
        """Take the lines from the replaced variable."""
        trace = getattr(old.tag, 'trace', None)
        if trace and not getattr(new.tag, 'trace', None):
            new.tag.trace = trace
