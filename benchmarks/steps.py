"""A training step of a network, ready to be made, on each engine.

The thesis's four networks, and two that are not (:mod:`others`): on the
PyTorch engine, on Theano's C code, and in PyTorch alone (:mod:`native`,
:mod:`native_others`). A GAN's step is one of each of its two networks.
"""

import numpy as np

from kneerepro import engines

THESIS = 'cae2d', 'cae3d', 'dcgan', 'wgan_gp'
OTHERS = 'resnet', 'unet3d'
NETWORKS = THESIS + OTHERS
ENGINES = 'torch', 'native', 'theano'
BATCH_SIZES = dict(
    cae2d=128,
    cae3d=4,
    dcgan=128,
    wgan_gp=128,  # Table 2.5
    resnet=128,
    unet3d=2,
)
DEPTHS = dict(cae3d=160, unet3d=32)  # slices of a volume
# Of the networks that are not the thesis's, on each engine: here, where no
# Theano comes along.
CLASSES = dict(resnet=10, unet3d=4)
FILTERS = dict(resnet=(16, 32, 64), unet3d=(16, 32, 64))
BLOCKS = 3  # of the residual network, for each number of filters


def compile_step(
    network, engine, device, batch_size=None, depth=None, width=1
):
    """Compile a network and all functions of it.

    Parameters
    ----------
    network : str
        Of `NETWORKS`.
    engine : str
        Of `ENGINES`.
    device : {'auto', 'cpu', 'cuda'}
        Of PyTorch.
    batch_size : int, optional
        By default that of `BATCH_SIZES`.
    depth : int, optional
        Slices of a volume, by default those of `DEPTHS`.
    width : float
        Factor on every number of filters; 1 is the thesis.

    Returns
    -------
    callable
        Makes one training step, on noise, and returns its losses, a list of
        floats.
    """
    batch_size = batch_size or BATCH_SIZES[network]
    depth = depth or DEPTHS.get(network)
    arrays = minibatch(network, batch_size, depth)
    if engine == 'native':
        return _native_step(network, arrays, device, depth, width)
    engine = engines.Engine(
        engine, 'cpu' if engine == 'theano' else device, deterministic=False
    )  # as PyTorch alone
    arrays = [engine.place(array)[:] for array in arrays]
    steps = _theano_functions(network, batch_size, depth, width, engine.mode)
    return lambda: [float(step(*arrays)) for step in steps]


def minibatch(network, batch_size, depth=None):
    """What a network is trained on here, list of array: noise, and classes
    where it learns some.
    """
    rng = np.random.RandomState(0)
    size = {
        'cae3d': (1, depth, 64, 64),
        'unet3d': (1, depth, 64, 64),
        'resnet': (3, 32, 32),
    }.get(network, (1, 64, 64))
    arrays = [rng.rand(batch_size, *size).astype('float32')]
    if network in OTHERS:
        of = (batch_size, *size[1:]) if network == 'unet3d' else batch_size
        arrays.append(rng.randint(CLASSES[network], size=of).astype('int32'))
    return arrays


def _theano_functions(network, batch_size, depth, width, mode):
    """Functions of a minibatch, which make a step when called in turn."""
    sizes = {'depth': depth} if network in DEPTHS else {}
    if network in OTHERS:
        import others

        built = getattr(others, 'build_' + network)(width=width, **sizes)
        return [getattr(others, 'compile_' + network)(built, mode=mode)]
    from kneerepro import algorithms, networks

    pair = getattr(networks, 'build_' + network)(width=width, **sizes)
    if network.startswith('cae'):
        return [algorithms.compile_cae(*pair, mode=mode).train]
    functions = getattr(algorithms, 'compile_' + network)(
        *pair, batch_size=batch_size, mode=mode
    )
    return [functions[0], lambda x: functions[1]()]


def _native_step(network, arrays, device, depth, width):
    import native
    import torch

    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda':
        native.use_tensor_cores()
    if network in OTHERS:
        import native_others

        _, step = native_others.training_step(network, device, width)
    else:
        _, step = native.training_step(
            network, len(arrays[0]), device, width, depth
        )
    x, *y = map(torch.from_numpy, arrays)
    inputs = [x.to(device), *(labels.long().to(device) for labels in y)]
    if device == 'cuda':
        step = native.captured(step, inputs)
    return lambda: [loss.item() for loss in step(*inputs)]
