"""Operations of neural networks: softmax and cross-entropy."""

from __future__ import annotations

import torch
from theano.tensor.nnet.nnet import (
    CrossentropyCategorical1Hot,
    CrossentropyCategorical1HotGrad,
    CrossentropySoftmax1HotWithBiasDx,
    CrossentropySoftmaxArgmax1HotWithBias,
    LogSoftmax,
    Prepend_scalar_constant_to_each_row,
    Prepend_scalar_to_each_row,
    Softmax,
    SoftmaxGrad,
    SoftmaxWithBias,
)

from ..dispatch import register
from ..values import torch_dtype

# Rows shorter than this fill only part of a vector register (AVX-512 has 16
# numbers in single precision).
_NARROW = 16


@register(Softmax)
def _build_softmax(op, node):
    return _softmax


@register(LogSoftmax)
def _build_log_softmax(op, node):
    return lambda x: _log_softmax(x)[0]


@register(SoftmaxWithBias)
def _build_softmax_with_bias(op, node):
    return lambda x, bias: _softmax(_add_bias(x, bias))


@register(SoftmaxGrad)
def _build_softmax_grad(op, node):
    return lambda grad_output, output: (
        output * (grad_output - (grad_output * output).sum(-1, keepdim=True))
    )


@register(CrossentropySoftmaxArgmax1HotWithBias)
def _build_cross_entropy_softmax(op, node):
    index = torch_dtype(node.outputs[2].dtype)
    # The argmax takes half as long as everything else, and most graphs do not
    # use it.
    wants_argmax = bool(node.outputs[2].clients)

    def cross_entropy(x, bias, labels):
        x = _add_bias(x, bias)
        labels = _checked(labels, x)
        logarithms, softmax = _log_softmax(x)
        loss = -logarithms.gather(1, labels[:, None])[:, 0]
        argmax = x.argmax(1).to(index) if wants_argmax else None
        return loss, softmax, argmax

    return cross_entropy


@register(CrossentropySoftmax1HotWithBiasDx)
def _build_cross_entropy_softmax_grad(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def gradient(grad_loss, softmax, labels):
        labels = _checked(labels, softmax)
        one_hot = torch.zeros_like(softmax).scatter_(1, labels[:, None], 1)
        grad_loss = grad_loss.expand(len(softmax))
        return ((softmax - one_hot) * grad_loss[:, None]).to(dtype)

    return gradient


@register(CrossentropyCategorical1Hot)
def _build_cross_entropy(op, node):
    def cross_entropy(coding, labels):
        labels = _checked(labels, coding, IndexError)
        return -torch.log(coding.gather(1, labels[:, None])[:, 0])

    return cross_entropy


@register(CrossentropyCategorical1HotGrad)
def _build_cross_entropy_grad(op, node):
    def gradient(grad_output, coding, labels):
        labels = _checked(labels, coding, IndexError)[:, None]
        values = -grad_output[:, None] / coding.gather(1, labels)
        return torch.zeros_like(coding).scatter_(1, labels, values)

    return gradient


@register(Prepend_scalar_constant_to_each_row)
def _build_prepend_constant(op, node):
    value = float(op.val.data)
    return lambda x: torch.nn.functional.pad(x, (1, 0), value=value)


@register(Prepend_scalar_to_each_row)
def _build_prepend(op, node):
    def prepend(value, x):
        # Theano passes a tensor or a plain number.
        value = torch.as_tensor(value, dtype=x.dtype, device=x.device)
        return torch.cat([value.expand(len(x), 1), x], 1)

    return prepend


def _softmax(x):
    if not _is_narrow(x):
        return torch.softmax(x, -1)
    powers = torch.exp(x - x.amax(-1, keepdim=True))
    return powers.div_(powers.sum(-1, keepdim=True))


def _log_softmax(x):
    """The logarithm of the softmax, and the softmax."""
    if not _is_narrow(x):
        logarithms = torch.log_softmax(x, -1)
        return logarithms, torch.exp(logarithms)
    x = x - x.amax(-1, keepdim=True)
    powers = torch.exp(x)
    total = powers.sum(-1, keepdim=True)
    return x.sub_(torch.log(total)), powers.div_(total)


def _is_narrow(x):
    """Whether the rows are so short that PyTorch's softmax, which handles them
    one by one on the CPU, is slower than elementwise operations.
    """
    return x.device.type == 'cpu' and 0 < x.shape[-1] < _NARROW


def _add_bias(x, bias):
    if len(bias) != x.shape[1]:
        raise ValueError(
            f'the bias of the softmax has {len(bias)} elements, but its input '
            f'has {x.shape[1]} columns; there must be one for each column'
        )
    return x + bias


def _checked(labels, x, error=ValueError):
    """Labels as int64, after checking that they are columns of `x`.

    Theano raises ValueError in the Ops that compute the softmax as well, and
    IndexError in the others.
    """
    if len(labels) != len(x):
        raise error(
            f'the cross-entropy has {len(labels)} labels for {len(x)} rows; '
            'give one label for each row'
        )
    labels = labels.long()
    if labels.device.type == 'cpu' and len(labels):
        # On a GPU, PyTorch finds wrong labels itself, with its own message.
        low, high = labels.min(), labels.max()
        if not (low >= 0 and high < x.shape[1]):
            raise error(
                f'the labels of the cross-entropy range from {int(low)} to '
                f'{int(high)}, but must be within 0 and {x.shape[1] - 1}, '
                'the columns of its input'
            )
    return labels
