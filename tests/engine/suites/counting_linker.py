"""The engine's linker, as others' tests get it.

It is a module of its own so that functions with this linker can be pickled.
"""

from __future__ import annotations

from typing import Any

from kneerepro.engine import TorchLinker

#: Grows with each function that the engine compiles.
used: list = []
#: Where the engine computes by default.
default_device = ['cpu']


class CountingLinker(TorchLinker):
    """Counts its functions, and can be created without arguments."""

    def __init__(self, device: str | None = None, **kwargs: Any) -> None:
        super().__init__(device or default_device[0], **kwargs)

    def make_all(self, *args: Any, **kwargs: Any) -> Any:
        """Compile a function, and count it."""
        used.append(1)
        return super().make_all(*args, **kwargs)
