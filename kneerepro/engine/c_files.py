"""Theano's C files, each read once.

Each time that Theano makes an Op whose code is in a C file, such as
DimShuffle, it finds, reads and splits that file. In a large graph that happens
thousands of times, and the engine never compiles the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from theano.gof.op import COp

_load_c_code = COp.load_c_code


# What is in them: the code and its sections, by class and files.
_contents: dict[tuple, tuple] = {}


def _load(self: COp, func_files: Sequence[str]) -> None:
    """Load an Op's C code, from memory if it was read before."""
    key = type(self), *func_files
    if key not in _contents:
        _load_c_code(self, func_files)
        _contents[key] = self.func_codes, self.code_sections
    codes, sections = _contents[key]
    # Theano adds to the sections of some Ops.
    self.func_codes, self.code_sections = list(codes), dict(sections)


def install() -> None:
    """Have Theano remember the files that it has read."""
    COp.load_c_code = _load
