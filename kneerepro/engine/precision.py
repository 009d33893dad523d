"""How exactly, and by which algorithms, CUDA computes."""

import contextlib

import torch


@contextlib.contextmanager
def on_cuda(tf32, benchmark):
    """A context for running kernels on CUDA; what PyTorch was set to before
    holds again after it.

    Parameters
    ----------
    tf32 : bool
        Whether products of matrices and convolutions of float32 take but the
        first ten bits of a fraction (TensorFloat-32).
    benchmark : bool
        Whether cuDNN is to try which of its algorithms is the fastest, unless
        PyTorch was asked for deterministic ones. It does so at the first call
        for a convolution of some shapes, and later calls get what that chose,
        or took without trying.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, 'conv'):
        # From PyTorch 2.9 on; it warns of the older ones there.
        value = 'tf32' if tf32 else 'ieee'
        switches = [
            (matmul, 'fp32_precision', value),
            (cudnn.conv, 'fp32_precision', value),
        ]
    else:
        switches = [(matmul, 'allow_tf32', tf32), (cudnn, 'allow_tf32', tf32)]
    if benchmark and not cudnn.deterministic:
        switches.append((cudnn, 'benchmark', True))
    before = [getattr(place, name) for place, name, _ in switches]
    try:
        for switch in switches:
            setattr(*switch)
        yield
    finally:
        for (place, name, _), value in zip(switches, before):
            setattr(place, name, value)
