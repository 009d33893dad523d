"""Compile a training step of a network, or its use after the training, for one
of three implementations.

The implementations are the PyTorch engine, Theano's C code, and PyTorch alone
(:mod:`native`, :mod:`native_other_networks`). The networks are the thesis's
four, two others (:mod:`other_networks`) and the GANs of volumes, which PyTorch
alone does not have. A GAN's step is one step of each of its two networks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from network_sizes import BATCH_SIZES, CLASSES, DEPTHS, OTHERS

from kneerepro import config, engines
from kneerepro.registry import EXPERIMENTS

ENGINES = 'torch', 'native', 'theano'
#: A training step; or reconstructing with an autoencoder, or generating.
TASKS = 'training', 'inference'


def compile_step(
    network: str,
    engine: str,
    device: str,
    batch_size: int | None = None,
    depth: int | None = None,
    width: float = 1,
    task: str = 'training',
) -> Callable[[], list[float]]:
    """Compile a network's training step, or what follows the training.

    Parameters
    ----------
    network : str
        One of :data:`network_sizes.NETWORKS` or, except in PyTorch alone, of
        :data:`network_sizes.GANS_OF_VOLUMES`.
    engine : str
        One of `ENGINES`.
    device : {'auto', 'cpu', 'cuda'}
        PyTorch's device.
    batch_size : int, optional
        By default that of :data:`network_sizes.BATCH_SIZES`.
    depth : int, optional
        Slices of a volume, by default those of :data:`network_sizes.DEPTHS`.
    width : float
        Factor on every number of filters; 1 is the thesis.
    task : str
        One of `TASKS`. 'inference' is for the thesis's networks.

    Returns
    -------
    callable
        Makes one training step on noise, and returns the losses; or
        reconstructs or generates a minibatch, and returns no loss.
    """
    batch_size = batch_size or BATCH_SIZES[network]
    depth = depth or DEPTHS.get(network)
    if task == 'inference':
        return _inference(network, engine, device, batch_size, depth, width)
    arrays = minibatch(network, batch_size, depth)
    if engine == 'native':
        return _native_step(network, arrays, device, depth, width)
    # PyTorch alone is not deterministic either.
    chosen = engines.Engine(
        engine, 'cpu' if engine == 'theano' else device, deterministic=False
    )
    arrays = [chosen.place(array)[:] for array in arrays]
    steps = _theano_functions(network, batch_size, depth, width, chosen.mode)
    return lambda: [float(step(*arrays)) for step in steps]


def minibatch(
    network: str, batch_size: int, depth: int | None = None
) -> list[np.ndarray]:
    """Make a minibatch of noise, with random classes for networks that learn
    classes.

    Parameters
    ----------
    network : str
        As for :func:`compile_step`.
    batch_size : int
    depth : int, optional
        Slices of a volume.

    Returns
    -------
    list of array
        float32 of shape (batch_size, channels, [depth,] rows, columns); then
        int32 of shape (batch_size,) for images, or (batch_size, depth, rows,
        columns) for the voxels of volumes.
    """
    rng = np.random.RandomState(0)
    shape = (1, depth, 64, 64) if network in DEPTHS else (1, 64, 64)
    if network == 'resnet':
        shape = (3, 32, 32)
    arrays = [rng.rand(batch_size, *shape).astype('float32')]
    if network in OTHERS:
        size = batch_size
        if network == 'unet3d':
            size = (batch_size, *shape[1:])
        classes = rng.randint(CLASSES[network], size=size)
        arrays.append(classes.astype('int32'))
    return arrays


def _theano_functions(network, batch_size, depth, width, mode):
    """Functions of a minibatch that together, in order, make one step."""
    sizes = {'depth': depth} if network in DEPTHS else {}
    if network in OTHERS:
        import other_networks

        built = getattr(other_networks, f'build_{network}')(
            width=width, **sizes
        )
        compile_network = getattr(other_networks, f'compile_{network}')
        return [compile_network(built, mode=mode)]
    from kneerepro import algorithms, networks

    spec = EXPERIMENTS[network]
    pair = getattr(networks, spec.builder)(width=width, **sizes)
    compile_network = getattr(algorithms, spec.compiler)
    if spec.autoencoder:
        return [compile_network(*pair, mode=mode).train]
    functions = compile_network(*pair, batch_size=batch_size, mode=mode)
    _, adversary = spec.networks
    return [
        getattr(functions, f'train_{adversary}'),
        lambda x: functions.train_generator(),
    ]


def _inference(network, engine, device, batch_size, depth, width):
    """What reconstructs or generates a minibatch."""
    if EXPERIMENTS[network].autoencoder:
        (inputs,) = minibatch(network, batch_size, depth)
    else:
        nz = config.read_preset('thesis', network)['nz']
        rng = np.random.RandomState(0)
        inputs = rng.normal(size=(batch_size, nz)).astype('float32')
    if engine == 'native':
        import native
        import torch

        if device == 'auto':
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        _, function = native.inference(
            network, device, width, depth or DEPTHS['cae3d']
        )
        x = torch.from_numpy(inputs).to(device)
    else:
        from kneerepro import algorithms, networks

        chosen = engines.Engine(
            engine,
            'cpu' if engine == 'theano' else device,
            deterministic=False,
        )
        spec = EXPERIMENTS[network]
        sizes = {'depth': depth} if network in DEPTHS else {}
        pair = getattr(networks, spec.builder)(width=width, **sizes)
        functions = getattr(algorithms, spec.compiler)(*pair, mode=chosen.mode)
        function = getattr(
            functions, 'reconstruct' if spec.autoencoder else 'generate'
        )
        x = inputs

    def run():
        function(x)
        return []

    return run


def _native_step(network, arrays, device, depth, width):
    import native
    import torch

    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda':
        native.use_tensor_cores()
    if network in OTHERS:
        import native_other_networks

        _, step = native_other_networks.training_step(network, device, width)
    else:
        _, step = native.training_step(
            network, len(arrays[0]), device, width, depth
        )
    x, *classes = map(torch.from_numpy, arrays)
    inputs = [x.to(device), *(labels.long().to(device) for labels in classes)]
    if device == 'cuda':
        step = native.capture(step, inputs)
    return lambda: [loss.item() for loss in step(*inputs)]
