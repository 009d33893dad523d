"""Operations of neural networks."""

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


@register(Softmax)
def build_softmax(op, node):
    return _softmax


@register(LogSoftmax)
def build_log_softmax(op, node):
    return lambda x: _log_softmax(x)[0]


@register(SoftmaxWithBias)
def build_softmax_with_bias(op, node):
    return lambda x, bias: _softmax(_biased(x, bias))


@register(SoftmaxGrad)
def build_softmax_gradient(op, node):
    return lambda by_output, output: (
        output * (by_output - (by_output * output).sum(-1, keepdim=True))
    )


@register(CrossentropySoftmaxArgmax1HotWithBias)
def build_cross_entropy_softmax(op, node):
    index = torch_dtype(node.outputs[2].dtype)
    # Mostly nobody asks for it, and it takes as long as half of the rest.
    best = bool(node.outputs[2].clients)

    def run(x, bias, labels):
        x = _biased(x, bias)
        labels = _checked(labels, x)
        logarithms, softmax = _log_softmax(x)
        loss = -logarithms.gather(1, labels[:, None])[:, 0]
        return (loss, softmax, x.argmax(1).to(index) if best else None)

    return run


@register(CrossentropySoftmax1HotWithBiasDx)
def build_cross_entropy_softmax_gradient(op, node):
    dtype = torch_dtype(node.outputs[0].dtype)

    def run(by_loss, softmax, labels):
        labels = _checked(labels, softmax)
        hot = torch.zeros_like(softmax).scatter_(1, labels[:, None], 1)
        by_loss = by_loss.expand(len(softmax))
        return ((softmax - hot) * by_loss[:, None]).to(dtype)

    return run


@register(CrossentropyCategorical1Hot)
def build_cross_entropy(op, node):
    return lambda coding, labels: (
        -torch.log(coding.gather(1, _checked(labels, coding)[:, None])[:, 0])
    )


@register(CrossentropyCategorical1HotGrad)
def build_cross_entropy_gradient(op, node):
    def run(by_output, coding, labels):
        labels = _checked(labels, coding)[:, None]
        values = -by_output[:, None] / coding.gather(1, labels)
        return torch.zeros_like(coding).scatter_(1, labels, values)

    return run


@register(Prepend_scalar_constant_to_each_row)
def build_prepend_constant(op, node):
    value = float(op.val.data)
    return lambda x: torch.nn.functional.pad(x, (1, 0), value=value)


@register(Prepend_scalar_to_each_row)
def build_prepend(op, node):
    # The number is a tensor or not.
    return lambda value, x: torch.cat(
        [
            torch.as_tensor(value, dtype=x.dtype, device=x.device).expand(
                len(x), 1
            ),
            x,
        ],
        1,
    )


def _softmax(x):
    if not _is_narrow(x):
        return torch.softmax(x, -1)
    powers = torch.exp(x - x.amax(-1, keepdim=True))
    return powers.div_(powers.sum(-1, keepdim=True))


def _log_softmax(x):
    """The logarithms of the softmax, and itself."""
    if not _is_narrow(x):
        logarithms = torch.log_softmax(x, -1)
        return logarithms, torch.exp(logarithms)
    x = x - x.amax(-1, keepdim=True)
    powers = torch.exp(x)
    total = powers.sum(-1, keepdim=True)
    return x.sub_(torch.log(total)), powers.div_(total)


def _is_narrow(x):
    """Whether rows are so short that PyTorch, which takes them one by one on
    the CPU, uses but a part of a vector register.
    """
    return x.device.type == 'cpu' and 0 < x.shape[-1] < 16


def _biased(x, bias):
    if len(bias) != x.shape[1]:
        raise ValueError(f'a bias of {len(bias)} for {x.shape[1]} columns')
    return x + bias


def _checked(labels, x):
    if len(labels) != len(x):
        raise ValueError(f'{len(labels)} labels for {len(x)} rows')
    labels = labels.long()
    if (
        labels.device.type == 'cpu'
        and len(labels)
        and not (labels.min() >= 0 and labels.max() < x.shape[1])
    ):
        # A GPU finds it as well, but says it in its own way.
        raise ValueError(f'a label is not within 0 and {x.shape[1] - 1}')
    return labels
