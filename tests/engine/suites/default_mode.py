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

    from kneerepro.engine import torch_mode
    from tests.engine.suites import counting_linker
    from tests.engine.suites.counting_linker import CountingLinker

    counting_linker.default_device[0] = device
    mode = theano.compile.Mode(
        CountingLinker(), torch_mode(device).provided_optimizer
    )
    theano.config.mode = mode
    if not keep_fast_run:
        predefined_modes['FAST_RUN'] = mode
    predefined_linkers.update(py=mode.linker, vm=mode.linker, cvm=mode.linker)
    theano.gof.PerformLinker = CountingLinker
    return counting_linker.used
