"""The precision and the algorithms with which CUDA computes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def cuda_settings(tf32: bool, benchmark: bool) -> Iterator[None]:
    """A context for running kernels on CUDA.

    PyTorch's previous settings are restored at its end.

    Parameters
    ----------
    tf32 : bool
        Whether matrix products and convolutions of float32 may use only the
        first ten bits of each fraction (TensorFloat-32).
    benchmark : bool
        Whether cuDNN tries its algorithms to find the fastest, unless PyTorch
        was asked for deterministic ones. It does so at the first convolution
        with given shapes. Later calls get the algorithm that this chose, or
        the one that was taken without trying.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, 'conv'):
        # PyTorch 2.9 introduced these settings and warns about the older ones.
        value = 'tf32' if tf32 else 'ieee'
        switches: list[tuple[Any, str, Any]] = [
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
