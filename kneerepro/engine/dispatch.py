"""Which function carries out which Op.

A builder is registered for a class of Ops::

    @register(Softmax)
    def build(op, node):
        return lambda x: torch.softmax(x, 1)

It is called once for each node when a function is compiled, and returns what
is called at each step, with tensors for arguments. Arguments that have to be
on the host, such as shapes, are named::

    @register(Reshape, host=[1])

and come as NumPy arrays, Python slices and so on.
"""

from collections import namedtuple

Kernel = namedtuple('Kernel', 'function host fresh out waits')
Kernel.__doc__ = """What carries out a node.

Attributes
----------
function : callable
    Takes the inputs, returns the output, or a tuple where there are several.
host : set of int
    Inputs that it takes as host values.
fresh : bool
    Whether its results share no memory with its inputs, or with anything
    else.
out : bool
    Whether it takes a tensor to write its result into, as ``out``. That may be
    one of its inputs.
waits : bool
    Whether it has the host wait for numbers from the device, as for the size
    of its result: then it can be no part of a CUDA graph.
"""

_BUILDERS = {}
_ON_HOST = {}


def register(*classes, host=(), device=False, fresh=False, waits=False):
    """Register the decorated builder for classes of Ops.

    Parameters
    ----------
    classes : types
    host : collection of int, or callable
        Inputs that the kernel takes on the host; or a function of the node
        that tells them.
    device : bool
        Whether the builder takes the ``torch.device`` as a third argument.
    fresh : bool
        Whether results never share memory with inputs, nor with anything
        else, so that what comes after may overwrite them.
    waits : bool, or callable
        Whether the kernel has the host wait for numbers from the device; or
        a function of the node that tells.
    """

    def decorator(builder):
        for one in classes:
            _BUILDERS[one] = builder, host, device, fresh, waits
        return builder

    return decorator


def takes_out(function):
    """Mark a function that takes a tensor to write its result into, as
    ``out``, and returns it or else a new one.
    """
    function.takes_out = True
    return function


def register_on_host(*classes, when=None):
    """Have classes of Ops carried out by Theano's own Python code.

    For what is rare, small, or unknown to PyTorch. On the CPU nothing is
    copied; to and from other devices, all inputs and outputs are.

    Parameters
    ----------
    classes : types
    when : callable, optional
        A function of the node that tells whether it is one of those.
    """
    for one in classes:
        _ON_HOST[one] = when


def on_host(node):
    """Whether a node is registered to be carried out on the host."""
    for one in type(node.op).__mro__:
        if one in _ON_HOST:
            when = _ON_HOST[one]
            return when is None or when(node)
    return False


def build(node, device):
    """The :class:`Kernel` of a node.

    Raises
    ------
    NotImplementedError
        If there is none, with the Op's name, where it was created, and what
        to do.
    """
    for one in type(node.op).__mro__:
        if one in _BUILDERS:
            builder, host, wants_device, fresh, waits = _BUILDERS[one]
            if callable(host):
                host = host(node)
            if callable(waits):
                waits = waits(node)
            function = (
                builder(node.op, node, device)
                if wants_device
                else builder(node.op, node)
            )
            out = getattr(function, 'takes_out', False)
            return Kernel(function, frozenset(host), fresh or out, out, waits)
    raise not_implemented(node)


def not_implemented(node, what=None):
    """The error for a node that cannot be carried out."""
    where = ''
    for trace in getattr(node.outputs[0].tag, 'trace', None) or []:
        # Whoever calls an Op, not how the Op makes its node.
        calls = [
            call for call in trace if call[2] not in ('make_node', '__call__')
        ]
        if calls:
            file, line, function, text = calls[-1][:4]
            where = f'\nIt was created in {file}, line {line}: {text}'
    return NotImplementedError(
        f'the PyTorch engine has no implementation of '
        f'{what or type(node.op).__name__} ({node.op})'
        f'{where}\nCompile this function with mode="FAST_RUN" instead, or '
        'register an implementation with kneerepro.engine.dispatch.register.'
    )
