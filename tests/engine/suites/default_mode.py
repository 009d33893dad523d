"""Makes the engine the mode in which others' tests compile."""

from __future__ import annotations


def use_engine(device: str, keep_fast_run: bool = False) -> list:
    """Make the engine Theano's default mode, also for linkers asked for by
    name.

    Parameters
    ----------
    device : {'cpu', 'cuda'}
    keep_fast_run : bool
        Whether the mode FAST_RUN remains Theano's own.

    Returns
    -------
    list
        It grows with each function that the engine compiles.
    """
    import theano
    from theano.compile.mode import predefined_linkers, predefined_modes

    from kneerepro.engine import TorchLinker, torch_mode

    used = []

    class Linker(TorchLinker):
        """Counts its functions, and can be created without arguments."""

        def __init__(self, device=device, **kwargs):
            super().__init__(device, **kwargs)

        def make_all(self, *args, **kwargs):
            used.append(1)
            return super().make_all(*args, **kwargs)

    mode = theano.compile.Mode(
        Linker(device), torch_mode(device).provided_optimizer
    )
    theano.config.mode = mode
    if not keep_fast_run:
        predefined_modes['FAST_RUN'] = mode
    predefined_linkers.update(py=mode.linker, vm=mode.linker, cvm=mode.linker)
    theano.gof.PerformLinker = Linker
    return used
