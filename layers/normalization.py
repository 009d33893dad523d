"""Batch normalisation, which Lasagne 0.1 lacks, as in Lasagne 0.2.dev1."""

import theano
import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne.layers import Layer, NonlinearityLayer

__all__ = ['BatchNormLayer', 'batch_norm']


class BatchNormLayer(Layer):
    r"""Batch normalisation [1]_.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \gamma + \beta

    In training, :math:`\mu` and :math:`\sigma^2` are the mean and the biased
    variance of the minibatch over `axes`, and running averages of
    :math:`\mu` and :math:`1/\sqrt{\sigma^2 + \epsilon}` are kept, which take
    their place when the output is asked for with ``deterministic=True``.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its output shape.
    axes : 'auto', int or tuple of int
        Axes to normalise over; 'auto' is all but the second, which normalises
        each unit of a dense layer and each channel of a convolution.
    epsilon : float
        Added to the variance.
    alpha : float
        Weight of the minibatch in the running averages.
    beta, gamma : shared variable, array, callable or None
        Offset and scale or their initialisers, of the input's shape without
        `axes`; None for none.
    mean, inv_std : shared variable, array or callable
        Running averages or their initialisers, of the same shape.
    **kwargs
        What :class:`lasagne.layers.Layer` takes, such as `name`.

    Attributes
    ----------
    beta, gamma, mean, inv_std : shared variable
        The parameters, in this order; the last two are not trainable.

    Raises
    ------
    ValueError
        If the input's size along an axis not normalised over is None.

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
        ndim = len(self.input_shape)
        if axes == 'auto':
            axes = tuple(axis for axis in range(ndim) if axis != 1)
        elif isinstance(axes, int):
            axes = (axes,)
        self.axes = axes
        self.epsilon = epsilon
        self.alpha = alpha

        kept = [axis for axis in range(ndim) if axis not in axes]
        shape = [self.input_shape[axis] for axis in kept]
        if None in shape:
            raise ValueError(
                'BatchNormLayer needs specified input sizes for '
                'all axes not normalized over.'
            )
        # Where the parameters' axes lie among those of the input.
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
        self.mean = self.add_param(
            mean, shape, 'mean', trainable=False, regularizable=False
        )
        self.inv_std = self.add_param(
            inv_std, shape, 'inv_std', trainable=False, regularizable=False
        )

    def get_output_for(
        self,
        input,
        deterministic=False,
        batch_norm_use_averages=None,
        batch_norm_update_averages=None,
        **kwargs,
    ):
        """The normalised `input`.

        Parameters
        ----------
        input : tensor
            Minibatch to normalise.
        deterministic : bool
            Normalise with the running averages and leave them alone, rather
            than normalise with the minibatch's statistics and update them.
        batch_norm_use_averages, batch_norm_update_averages : bool or None
            Override one half of `deterministic` each.
        """
        if batch_norm_use_averages is None:
            batch_norm_use_averages = deterministic
        if batch_norm_update_averages is None:
            batch_norm_update_averages = not deterministic

        mean = input.mean(self.axes)
        # The variance by its definition, of what the output needs as well.
        variance = T.mean(
            T.sqr(input - mean.dimshuffle(self._pattern)), self.axes
        )
        inv_std = T.inv(T.sqrt(variance + self.epsilon))
        updates = [(self.mean, mean), (self.inv_std, inv_std)]
        if batch_norm_use_averages:
            mean, inv_std = self.mean, self.inv_std
        if batch_norm_update_averages:
            # The update is to happen in every function whose graph contains
            # this expression, and in no other. So it hangs on a clone of the
            # average, which shares its storage, and the clone takes part in
            # the expression without changing its value.
            for average, batch in updates:
                clone = theano.clone(average, share_inputs=False)
                clone.default_update = (
                    1 - self.alpha
                ) * clone + self.alpha * batch
                mean += 0 * clone

        output = input - mean.dimshuffle(self._pattern)
        scale = inv_std.dimshuffle(self._pattern)
        if self.gamma is not None:
            scale *= self.gamma.dimshuffle(self._pattern)
        output *= scale
        if self.beta is not None:
            output += self.beta.dimshuffle(self._pattern)
        return output


def batch_norm(layer, **kwargs):
    """Put batch normalisation between a layer and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        It is changed: its nonlinearity becomes the identity and, since the
        normalisation would cancel them, its biases are removed.
    **kwargs
        Passed on to :class:`BatchNormLayer`. `name`, by default that of
        `layer` with ``_bn`` added, names it.

    Returns
    -------
    Layer
        The :class:`BatchNormLayer` stacked on `layer` or, if `layer` had a
        nonlinearity, a layer that applies it to the normalised output.
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
