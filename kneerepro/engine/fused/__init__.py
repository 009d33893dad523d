"""Several Ops as one, where PyTorch has one kernel for them.

A module for each: the Op with its meaning in NumPy, the rewrite that puts it
in place of what it stands for, and its kernel. The rewrites are in Theano's
``optdb`` under the tag ``torch``, which only this engine's mode asks for;
they look at nothing but the graph, so that any Theano code gets them. Some are
for the CPU alone or for CUDA, by a second tag. (:mod:`.bf16` is an option,
with a tag of its own.)
"""

from . import (  # noqa: F401, registers them
    adam,
    bf16,
    channel_sums,
    composites,
    constant_factors,
    conv_bias,
    flips,
    means,
    multiply_add,
    rectifier,
    squares,
    sums,
)
from .bf16 import BF16_TAG  # noqa: F401
from .patterns import CPU_TAG, CUDA_TAG, TAG  # noqa: F401
