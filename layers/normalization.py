"""Batch normalisation as in Lasagne 0.2.dev1; Lasagne 0.1 has none."""

from __future__ import annotations

import itertools
from collections import defaultdict

import theano
import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne.layers import Layer, NonlinearityLayer
from theano.compile.function_module import std_fgraph
from theano.gof.toolbox import AlreadyThere

from layers.lengths import int_tuple, integer_shape

__all__ = ['BatchNormLayer', 'batch_norm']


class BatchNormLayer(Layer):
    """Batch normalisation layer [1]_.

    Normalises its input to zero mean and unit variance, then scales and
    shifts it.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape. The
        sizes along the axes not normalised over must be known.
    axes : 'auto', int or tuple of int
        The axes to normalise over. 'auto' normalises over all axes but the
        second, so that each unit of a dense layer and each channel of a
        convolutional layer is normalised separately.
    epsilon : float
        A small constant added to the variance.
    alpha : float
        The weight of the minibatch in the running averages.
    beta : Theano shared variable, expression, numpy array, callable or None
        The offset or its initialiser, of the input's shape without `axes`.
        None for no offset.
    gamma : Theano shared variable, expression, numpy array, callable or None
        The scale or its initialiser, of the same shape. None for no scale.
    mean, inv_std : Theano shared variable, expression, numpy array or callable
        The running averages or their initialisers, of the same shape.
    **kwargs
        Keyword arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Attributes
    ----------
    beta, gamma : Theano shared variable or None
        The trainable parameters.
    mean, inv_std : Theano shared variable
        The running averages, which are not trainable. They have the tag
        ``batch_norm_stat``.

    Raises
    ------
    ValueError
        If a size along an axis not normalised over is None.

    Notes
    -----
    ::

        y = (x - mean) / sqrt(variance + epsilon) * gamma + beta

    In training, ``mean`` and ``variance`` are the mean and the biased variance
    of the minibatch over `axes`, and each step updates the running averages of
    ``mean`` and ``1 / sqrt(variance + epsilon)``::

        average = (1 - alpha) * average + alpha * value in the minibatch

    With ``deterministic=True`` the running averages are used instead and are
    not updated.

    A function may apply the layer to several inputs. The averages are then
    updated once for each input, in the order in which the outputs were asked
    for, as if there had been as many steps. Whatever else the function
    computes from the averages uses their values before these updates.

    Examples
    --------
    >>> from lasagne.layers import InputLayer
    >>> from layers import BatchNormLayer
    >>> layer = BatchNormLayer(InputLayer((None, 64, 32, 32)), name='bn')
    >>> layer.axes
    (0, 2, 3)
    >>> [param.name for param in layer.get_params()]
    ['bn.beta', 'bn.gamma', 'bn.mean', 'bn.inv_std']

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy (2015): Batch normalization: accelerating deep
           network training by reducing internal covariate shift. ICML.
           arXiv:1502.03167.
    """

    def __init__(
        self,
        incoming,
        axes='auto',
        epsilon=1e-4,
        alpha=0.1,
        beta=init.Constant(0),
        gamma=init.Constant(1),
        mean=init.Constant(0),
        inv_std=init.Constant(1),
        **kwargs,
    ):
        super().__init__(incoming, **kwargs)
        self.input_shape = integer_shape(self.input_shape)
        ndim = len(self.input_shape)
        if isinstance(axes, str) and axes == 'auto':
            axes = tuple(axis for axis in range(ndim) if axis != 1)
        self.axes = axes = int_tuple(axes)
        self.epsilon = epsilon
        self.alpha = alpha

        kept = [axis for axis in range(ndim) if axis not in axes]
        shape = [self.input_shape[axis] for axis in kept]
        if None in shape:
            raise ValueError(
                'BatchNormLayer needs specified input sizes for '
                'all axes not normalized over.'
            )
        # Broadcasts a parameter along the axes normalised over.
        self._pattern = [
            kept.index(axis) if axis in kept else 'x' for axis in range(ndim)
        ]
        self.beta = (
            None
            if beta is None
            else self.add_param(
                beta, shape, 'beta', trainable=True, regularizable=False
            )
        )
        self.gamma = (
            None
            if gamma is None
            else self.add_param(
                gamma, shape, 'gamma', trainable=True, regularizable=True
            )
        )
        tags = dict(trainable=False, regularizable=False, batch_norm_stat=True)
        self.mean = self.add_param(mean, shape, 'mean', **tags)
        self.inv_std = self.add_param(inv_std, shape, 'inv_std', **tags)

    def get_output_for(
        self,
        input,
        deterministic=False,
        batch_norm_use_averages=None,
        batch_norm_update_averages=None,
        **kwargs,
    ):
        """Return the normalised input.

        Parameters
        ----------
        input : tensor
            The minibatch to normalise.
        deterministic : bool
            If False, normalise with the minibatch's statistics and update the
            running averages. If True, normalise with the running averages and
            leave them unchanged.
        batch_norm_use_averages : bool or None
            Whether to normalise with the running averages, whatever
            `deterministic` is. None follows `deterministic`.
        batch_norm_update_averages : bool or None
            Whether to update the running averages, whatever `deterministic`
            is. None follows `deterministic`.

        Returns
        -------
        tensor
            It has the shape of `input`.
        """
        if batch_norm_use_averages is None:
            batch_norm_use_averages = deterministic
        if batch_norm_update_averages is None:
            batch_norm_update_averages = not deterministic

        mean = input.mean(self.axes)
        # The variance by its definition, since the output needs input - mean
        # as well.
        variance = T.mean(
            T.sqr(input - mean.dimshuffle(self._pattern)), self.axes
        )
        inv_std = T.inv(T.sqrt(variance + self.epsilon))
        updates = [(self.mean, mean), (self.inv_std, inv_std)]
        if batch_norm_use_averages:
            mean, inv_std = self.mean, self.inv_std
        if batch_norm_update_averages:
            # The averages must be updated by every function whose graph
            # contains this expression, and by no other. So the update is
            # attached to a clone that shares the average's storage, and the
            # clone enters the expression with a factor of 0.
            for average, batch in updates:
                old, new = _clones(average)
                new.default_update = (
                    1 - self.alpha
                ) * old + self.alpha * batch
                mean += 0 * new

        output = input - mean.dimshuffle(self._pattern)
        scale = inv_std.dimshuffle(self._pattern)
        if self.gamma is not None:
            scale *= self.gamma.dimshuffle(self._pattern)
        output *= scale
        if self.beta is not None:
            output += self.beta.dimshuffle(self._pattern)
        return output


_update_numbers = itertools.count()


def _clones(average):
    """Two variables with the storage of an average, for an update: one whose
    value is the average before the update, and one to be updated.

    Theano may compute an update in the memory of what is updated. With two
    variables, it leaves the average alone until everything has been computed.
    """
    old, new = (theano.clone(average, share_inputs=False) for _ in range(2))
    old.tag.batch_norm_old = new.tag.batch_norm_new = next(_update_numbers)
    return old, new


class _UpdatesInTurn:
    """Lets the updates of an average in one function follow one another.

    To Theano they are updates of different variables. Without this, each would
    start from the same average, and which of them stays would depend on the
    order in which the linker stores new values.

    Theano makes one of these for each graph that it compiles.
    """

    def on_attach(self, fgraph):
        """Change the graph, before Theano optimises it."""
        olds = {
            variable.tag.batch_norm_old: variable
            for variable in fgraph.inputs
            if hasattr(variable.tag, 'batch_norm_old')
        }
        updates = defaultdict(list)
        for output, i in fgraph.update_mapping.items():
            variable = fgraph.inputs[i]
            number = getattr(variable.tag, 'batch_norm_new', None)
            if number is not None:
                updates[id(variable.container)].append((number, output))
        for of_average in updates.values():
            value = None
            for number, output in sorted(of_average):
                if value is not None:
                    fgraph.replace(olds[number], value)
                value = fgraph.outputs[output]
            # Whichever is stored last, it is this value.
            for _, output in of_average:
                fgraph.change_input('output', output, value)
        raise AlreadyThere  # nothing to do later on


std_fgraph.features.append(_UpdatesInTurn)


def batch_norm(layer, **kwargs):
    """Apply batch normalisation between a layer and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        The layer to normalise. It is modified: its nonlinearity becomes the
        identity, and its biases are removed because the normalisation would
        cancel them.
    **kwargs
        Keyword arguments of :class:`BatchNormLayer`. `name` defaults to the
        name of `layer` with ``_bn`` appended.

    Returns
    -------
    Layer
        The :class:`BatchNormLayer` stacked on `layer`. If `layer` had a
        nonlinearity, a layer that applies it to the normalised output.

    Examples
    --------
    >>> from lasagne.layers import InputLayer, get_all_layers
    >>> from layers import Conv2DLayer, batch_norm
    >>> network = InputLayer((None, 1, 64, 64))
    >>> network = batch_norm(Conv2DLayer(network, 128, 5, stride=2, pad=2))
    >>> [type(layer).__name__ for layer in get_all_layers(network)]
    ['InputLayer', 'Conv2DLayer', 'BatchNormLayer', 'NonlinearityLayer']
    """
    nonlinearity = getattr(layer, 'nonlinearity', None)
    if nonlinearity is not None:
        layer.nonlinearity = nonlinearities.identity
    if getattr(layer, 'b', None) is not None:
        del layer.params[layer.b]
        layer.b = None
    name = kwargs.pop('name', None)
    if name is None and getattr(layer, 'name', None):
        name = layer.name + '_bn'
    layer = BatchNormLayer(layer, name=name, **kwargs)
    if nonlinearity is not None:
        layer = NonlinearityLayer(
            layer, nonlinearity, name=name and name + '_nonlin'
        )
    return layer
