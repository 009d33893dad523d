"""All rewrites of graphs for the engine, in the order in which they run.

Theano runs the optimisers of its ``optdb`` by position. Those that matter here
are its own canonicalisation (1), specialisation (2), the merging of equal
operations before fusion (49), and in-place operations (75). The rewrites carry
the tag ``torch``, which only this engine's modes ask for. They look only at
the graph, so they apply to any Theano code.
"""

from __future__ import annotations

from dataclasses import dataclass

from theano.compile import optdb
from theano.gof.opt import Optimizer, in2out, out2in
from theano.tensor.opt import FusionOptimizer

from . import buckets, partition
from .fused import (
    adam,
    bf16,
    channel_sums,
    composites,
    constant_factors,
    conv_bias,
    flips,
    loop_constants,
    loop_groups,
    loop_products,
    loop_sums,
    loop_values,
    means,
    multiply_add,
    parts,
    rectifier,
    squares,
    sums,
    truncation,
)
from .kernels import conv_ahead
from .optimizer import BF16_TAG, COMPILED_TAG, CPU_TAG, CUDA_TAG, TAG


@dataclass(frozen=True)
class Rewrite:
    """One line of the table.

    Attributes
    ----------
    position : float
        Where it runs among all optimisers in ``optdb``.
    name : str
        Its name there, by which a mode can exclude it.
    optimizer : theano.gof.opt.Optimizer
    device : {'both', 'cpu', 'cuda'}
        The devices that it is for.
    reason : str
        Why it runs at this position or on this device.
    tag : str
        The tag by which a mode asks for it.
    compiled : bool
        Whether the CPU has kernels for it only where there is a compiler.
    """

    position: float
    name: str
    optimizer: Optimizer
    device: str
    reason: str
    tag: str = TAG
    compiled: bool = False

    @property
    def tags(self) -> list[str]:
        """All its tags in ``optdb``."""
        device_tags = {'both': [], 'cpu': [CPU_TAG], 'cuda': [CUDA_TAG]}
        compiled_tags = [COMPILED_TAG] if self.compiled else []
        return [self.tag, *device_tags[self.device], *compiled_tags]


REWRITES = (
    Rewrite(
        position=0.01,
        name='torch_minibatches',
        optimizer=partition.MarkMinibatches(),
        device='both',
        reason='Before all others. Variables lose their tags when they are '
        'replaced, and with one process no rewrite should meet a sum over '
        'processes.',
    ),
    Rewrite(
        position=0.02,
        name='torch_compile_ahead',
        optimizer=conv_ahead.CompileAhead(),
        device='cpu',
        reason='As early as possible, because the compiler then runs while '
        'Theano optimises.',
        compiled=True,
    ),
    Rewrite(
        position=0.04,
        name='torch_truncated_gradients',
        optimizer=in2out(truncation.shorten_outputs),
        device='both',
        reason="Before Theano's optimisations of loops (at 0.05), which are "
        'wrong for outputs that are longer than the steps.',
    ),
    Rewrite(
        position=0.045,
        name='torch_loop_values',
        optimizer=loop_values.TakeValues(),
        device='both',
        reason="After torch_truncated_gradients, and before Theano's "
        'optimisations of loops (at 0.05), which change a loop and its '
        'gradient each in its own way.',
    ),
    Rewrite(
        position=0.06,
        name='torch_loop_products',
        optimizer=in2out(loop_products.multiply_once),
        device='both',
        reason="After Theano's optimisations of loops (at 0.05), which take "
        'out of a loop what a product there depends on.',
    ),
    Rewrite(
        position=0.5,
        name='torch_adam_as_written',
        optimizer=out2in(adam.fuse_adam),
        device='both',
        reason='Before canonicalisation, because simplifying the dozen '
        'operations of each update takes Theano seconds.',
    ),
    Rewrite(
        position=1.605,
        name='torch_loop_sums',
        optimizer=loop_sums.SumAfterwards(),
        device='both',
        reason="After Theano's optimisations of loops, the last of which (at "
        '1.6) merges outputs of equal sizes, and before the one that saves '
        'memory (at 1.61).',
    ),
    Rewrite(
        position=48.4,
        name='torch_loop_constants',
        optimizer=in2out(loop_constants.fill_inside),
        device='both',
        reason='After the canonicalisation, which shows what is constant.',
    ),
    Rewrite(
        position=48.5,
        name='torch_sum_before_product',
        optimizer=out2in(constant_factors.sum_before_product),
        device='both',
        reason='Before torch_divide_factors and torch_sums, both of which '
        'find more once the factors are outside the sums.',
    ),
    Rewrite(
        position=48.6,
        name='torch_divide_factors',
        optimizer=out2in(constant_factors.divide_factors),
        device='both',
        reason='After torch_sum_before_product. A product that only a sum and '
        'a quotient needed is then needed by the quotient alone.',
    ),
    Rewrite(
        position=48.61,
        name='torch_means',
        optimizer=in2out(means.divide_once, name='torch_divide_once'),
        device='both',
        reason='Beside the other rewrites of factors. It depends on none of '
        'them: torch_sums recognises means with one divisor and with several.',
    ),
    Rewrite(
        position=48.62,
        name='torch_sums',
        optimizer=in2out(
            sums.subtract_negated,
            sums.sum_termwise,
            sums.drop_zeros,
            name='torch_sums',
        ),
        device='both',
        reason='After torch_sum_before_product, which leaves the plain sums '
        'that it reuses.',
    ),
    Rewrite(
        position=48.7,
        name='torch_rectifiers',
        optimizer=in2out(
            rectifier.fuse_rectifier,
            rectifier.fuse_scale,
            name='torch_rectifiers',
        ),
        device='both',
        reason='Before torch_multiply_add, which would take the sum a x + b '
        '|x| apart.',
    ),
    Rewrite(
        position=48.75,
        name='torch_rectifiers_by_output',
        optimizer=in2out(rectifier.take_from_output),
        device='both',
        reason='After torch_rectifiers, because all operations on the input '
        'have to be rectifiers or their gradients.',
    ),
    Rewrite(
        position=48.8,
        name='torch_conv_bias',
        optimizer=out2in(conv_bias.fuse_bias),
        device='both',
        reason='Before torch_composites, which would fuse the addition of the '
        'bias with the operations that follow.',
    ),
    Rewrite(
        position=48.9,
        name='torch_adam',
        optimizer=out2in(adam.fuse_adam),
        device='both',
        reason='For updates that only a simplified graph shows to be those of '
        'Adam.',
    ),
    Rewrite(
        position=48.92,
        name='torch_flip_once',
        optimizer=flips.FlipOnce(),
        device='cuda',
        reason='Once updates and biases are part of their Ops, and before '
        'Theano merges equal operations. PyTorch has no negative strides, so '
        'a parameter on CUDA cannot be kept flipped.',
    ),
    Rewrite(
        position=48.92,
        name='torch_keep_flipped',
        optimizer=flips.KeepFlipped(),
        device='cpu',
        reason='Once updates and biases are part of their Ops, and before '
        'Theano merges equal operations.',
    ),
    Rewrite(
        position=48.94,
        name='torch_multiply_add',
        optimizer=out2in(multiply_add.fuse_product),
        device='both',
        reason='After torch_rectifiers and torch_adam, whose patterns are '
        'sums of products.',
    ),
    Rewrite(
        position=48.945,
        name='torch_partition',
        optimizer=partition.Partition(),
        device='both',
        reason='After the rewrites above, which then see the graph of one '
        'process. What they simplify need not be summed over processes. '
        'Before torch_products and those for CUDA, for whose Ops there are no '
        'rules.',
    ),
    Rewrite(
        position=48.95,
        name='torch_products',
        optimizer=out2in(bf16.to_bfloat16),
        device='both',
        reason='After the flips, which do not look into its Ops, and before '
        'Theano merges equal conversions.',
        tag=BF16_TAG,
    ),
    Rewrite(
        position=48.96,
        name='torch_parts',
        optimizer=out2in(parts.put_together),
        device='both',
        reason="After Theano's specialisation, which adds the gradients of "
        'parts one after the other, and after torch_partition, which has no '
        'rule for its Op.',
    ),
    Rewrite(
        position=49.01,
        name='torch_moments',
        optimizer=out2in(channel_sums.sum_moments),
        device='both',
        reason='After Theano has merged equal operations.',
        compiled=True,
    ),
    Rewrite(
        position=49.02,
        name='torch_product_sums',
        optimizer=out2in(channel_sums.sum_products),
        device='both',
        reason='After Theano has merged equal operations.',
        compiled=True,
    ),
    Rewrite(
        position=49.03,
        name='torch_square_sums',
        optimizer=out2in(squares.sum_squares),
        device='cuda',
        reason='After the sums for each channel, which need squares as well. '
        'Only on CUDA is the kernel as precise as a sum.',
    ),
    Rewrite(
        position=49.05,
        name='torch_compute_again',
        optimizer=composites.Rematerialise(),
        device='both',
        reason='After Theano has merged equal operations, and before they are '
        'fused. Theano merges those that were not fused once more at the end.',
        compiled=True,
    ),
    Rewrite(
        position=49.1,
        name='torch_composites',
        optimizer=FusionOptimizer(composites.fuse_into_kernel),
        device='cuda',
        reason='After all rewrites that look for single operations. CUDA has '
        'code for nearly all of them.',
    ),
    Rewrite(
        position=49.1,
        name='torch_loops',
        optimizer=loop_groups.FuseTogether(),
        device='cpu',
        reason='After all rewrites that look for single operations. On the '
        'CPU, a loop is worth while only if all of them are cheap.',
        compiled=True,
    ),
    Rewrite(
        position=49.2,
        name='torch_sum_together',
        optimizer=buckets.SumTogether(),
        device='both',
        reason='Once all sums are known, and before in-place operations, '
        'which restrict the order of all operations.',
    ),
    Rewrite(
        position=75,
        name='torch_adam_inplace',
        optimizer=adam.UpdateInPlace(),
        device='both',
        reason='With the in-place optimisations of Theano, which come last '
        'because an overwritten input restricts the order of all operations.',
    ),
    Rewrite(
        position=75.1,
        name='torch_adam_together',
        optimizer=adam.UpdateTogether(),
        device='cuda',
        reason='Once each step is in place. On CUDA each launch takes time.',
    ),
)


def install() -> None:
    """Register all rewrites in Theano's ``optdb``."""
    for rewrite in REWRITES:
        optdb.register(
            rewrite.name, rewrite.optimizer, rewrite.position, *rewrite.tags
        )
