"""The thesis's four training steps in PyTorch alone, the baseline that the
engine is measured against.

They are written as somebody who knows PyTorch well would write them: channels
last, fused Adam, cross-entropies of logits, and gradients of only those
parameters that are trained. The networks have the layers, sizes and
nonlinearities of :mod:`kneerepro.networks`. A step computes what the steps of
:mod:`kneerepro.algorithms` compute, with PyTorch's own random numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from kneerepro import config
from kneerepro.registry import EXPERIMENTS

Step = Callable[..., list[torch.Tensor]]

# The same as in kneerepro.networks. Importing that would import Theano, whose
# memory must not count here.
ENCODER_FILTERS = 64, 128, 256, 256
DECODER_FILTERS = 256, 128, 64, 1
GENERATOR_FILTERS = 1024, 512, 256, 128
DISCRIMINATOR_FILTERS = 128, 256, 512, 1024


def training_step(
    network: str,
    batch_size: int,
    device: str = 'cpu',
    width: float = 1,
    depth: int = 160,
) -> tuple[list[nn.Module], Step]:
    """Build networks of the thesis's size and their training step.

    Parameters
    ----------
    network : {'cae2d', 'cae3d', 'dcgan', 'wgan_gp'}
    batch_size : int
        How many images a generator's step generates.
    device : str
    width : float
        Factor on every number of filters.
    depth : int
        Slices of the volumes of 'cae3d', a multiple of 16.

    Returns
    -------
    networks : list of nn.Module
        Encoder and decoder, or generator and discriminator or critic.
    step : callable
        Takes a minibatch, a tensor of shape (n, 1, rows, columns) or (n, 1,
        depth, rows, columns) on the device. Returns the loss as a list of one
        tensor; for a GAN the losses of both networks, as two.
    """
    parameters = config.read_preset('thesis', network)
    if EXPERIMENTS[network].autoencoder:
        return _autoencoder(network, parameters, device, width, depth)
    return _gan(network, parameters, batch_size, device, width)


def inference(
    network: str,
    device: str = 'cpu',
    width: float = 1,
    depth: int = 160,
) -> tuple[list[nn.Module], Callable[[torch.Tensor], torch.Tensor]]:
    """Build networks as :func:`training_step` does, and what is done with them
    after their training.

    Returns
    -------
    networks : list of nn.Module
    function : callable
        Reconstructs a minibatch with an autoencoder, or takes noise of shape
        (n, nz) and generates images with a generator.
    """
    networks, _ = training_step(network, 1, device, width, depth)
    for half in networks:
        half.eval()
    autoencoder = EXPERIMENTS[network].autoencoder

    @torch.inference_mode()
    def function(x):
        for half in networks if autoencoder else networks[:1]:
            x = half(x)
        return x

    return networks, function


def capture(step: Step, inputs: list[torch.Tensor]) -> Step:
    """Record a training step as one CUDA graph.

    Parameters
    ----------
    step : callable
        A step of :func:`training_step`, on CUDA.
    inputs : list of tensor
        Inputs of the shapes that the step will be called with. Three steps
        are made with them before the recording.

    Returns
    -------
    callable
        Does the same as `step` for inputs of these shapes. The next call
        overwrites the tensors that it returns.
    """
    static_inputs = [x.clone() for x in inputs]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # These choose cuDNN's algorithms and create Adam's state.
        for _ in range(3):
            step(*static_inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = step(*static_inputs)

    def replay(*inputs):
        for static_input, x in zip(static_inputs, inputs):
            static_input.copy_(x)
        graph.replay()
        return losses

    return replay


def use_tensor_cores() -> None:
    """Let CUDA multiply matrices in TF32, as cuDNN does in convolutions by
    default, and let cuDNN time its algorithms and choose the fastest.
    """
    torch.set_float32_matmul_precision('high')
    torch.backends.cudnn.benchmark = True


def _autoencoder(network, parameters, device, width, depth):
    volumes = EXPERIMENTS[network].on_volumes
    encoder, decoder = (
        move(half, device, volumes)
        for half in _encoder_and_decoder(
            parameters['nz'], volumes, width, depth
        )
    )
    adam = _adam(parameters, device, encoder, decoder)

    def step(x):
        adam.zero_grad()
        loss = F.mse_loss(decoder(encoder(x)), x)
        (loss / 2).backward()
        adam.step()
        return [loss.detach()]

    return [encoder, decoder], step


def _encoder_and_decoder(nz, volumes, width, depth):
    size = (depth // 16, 4, 4) if volumes else (4, 4)
    Conv, Deconv = (
        (nn.Conv3d, nn.ConvTranspose3d)
        if volumes
        else (nn.Conv2d, nn.ConvTranspose2d)
    )
    counts = 1, *_scaled(ENCODER_FILTERS, width)
    units = counts[-1] * math.prod(size)
    layers = []
    for a, b in zip(counts, counts[1:]):
        layers += [Conv(a, b, 5, 2, 2), nn.LeakyReLU(0.2, inplace=True)]
    encoder = nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(units, nz),
        nn.Sigmoid(),
    )

    counts = counts[-1], *_scaled(DECODER_FILTERS[:-1], width), 1
    layers = []
    for a, b in zip(counts, counts[1:]):
        layers += [Deconv(a, b, 4, 2, 1), nn.ReLU(inplace=True)]
    layers[-1] = nn.Sigmoid()
    decoder = nn.Sequential(
        nn.Linear(nz, units),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (counts[0], *size)),
        *layers,
    )
    return encoder, decoder


def _gan(network, parameters, batch_size, device, width):
    nz = parameters['nz']
    generator = move(_generator(nz, width), device)
    critic = move(_critic(width), device)
    train_generator, train_critic = (
        _adam(parameters, device, half) for half in (generator, critic)
    )
    if network == 'dcgan':
        critic_loss = _discriminator_loss
        generator_loss = functools.partial(_cross_entropy, target=1.0)
    else:
        critic_loss = functools.partial(
            _critic_loss, weight=parameters['penalty_weight']
        )

        def generator_loss(scores):
            return -scores.mean()

    def step(x):
        train_critic.zero_grad()
        with torch.no_grad():
            generated = generator(torch.randn(len(x), nz, device=device))
        loss_of_critic = critic_loss(critic, x, generated)
        loss_of_critic.backward()
        train_critic.step()

        critic.requires_grad_(False)
        train_generator.zero_grad()
        generated = generator(torch.randn(batch_size, nz, device=device))
        loss_of_generator = generator_loss(critic(generated))
        loss_of_generator.backward()
        train_generator.step()
        critic.requires_grad_(True)
        return [loss_of_critic.detach(), loss_of_generator.detach()]

    return [generator, critic], step


def _generator(nz, width):
    counts = *_scaled(GENERATOR_FILTERS, width), 1
    layers = [
        nn.Linear(nz, counts[0] * 16),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (counts[0], 4, 4)),
    ]
    for a, b in zip(counts[:-1], counts[1:-1]):
        layers += [
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
            nn.BatchNorm2d(b, 1e-4),
            nn.ReLU(inplace=True),
        ]
    layers += [nn.ConvTranspose2d(counts[-2], 1, 4, 2, 1), nn.Sigmoid()]
    return nn.Sequential(*layers)


def _critic(width):
    counts = 1, *_scaled(DISCRIMINATOR_FILTERS, width)
    layers = []
    for a, b in zip(counts, counts[1:]):
        layers += [
            nn.Conv2d(a, b, 5, 2, 2, bias=False),
            nn.BatchNorm2d(b, 1e-4),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(counts[-1] * 16, 1))


def _cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, target)
    )


def _discriminator_loss(discriminator, x, generated):
    return _cross_entropy(discriminator(x), 1.0) + _cross_entropy(
        discriminator(generated), 0.0
    )


def _critic_loss(critic, x, generated, weight):
    e = torch.rand(len(x), 1, 1, 1, device=x.device)
    mixed = torch.lerp(generated, x, e).requires_grad_()
    (gradient,) = torch.autograd.grad(
        critic(mixed).sum(), mixed, create_graph=True
    )
    penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return critic(generated).mean() - critic(x).mean() + weight * penalty


def move(network: nn.Module, device: str, volumes: bool = False) -> nn.Module:
    """Move a network to a device, in the memory format in which convolutions
    are fastest.
    """
    return network.to(
        device,
        memory_format=(
            torch.channels_last_3d if volumes else torch.channels_last
        ),
    )


def optimiser_options(device: str) -> dict[str, bool]:
    """Options of an optimiser apart from its hyperparameters."""
    options = {'fused': True}
    if device == 'cuda':
        options['capturable'] = True
    return options


def _adam(parameters, device, *networks):
    return torch.optim.Adam(
        [
            parameter
            for network in networks
            for parameter in network.parameters()
        ],
        parameters['learning_rate'],
        betas=(parameters['beta1'], parameters['beta2']),
        **optimiser_options(device),
    )


def _scaled(counts, width):
    return [max(1, round(count * width)) for count in counts]
