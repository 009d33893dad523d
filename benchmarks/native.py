"""The four training steps in PyTorch alone, as somebody who knows it well
would write them: what the engine is measured against.

Channels last, fused Adam, cross-entropies of logits, and gradients of those
parameters alone that are trained. The networks have the layers, sizes and
nonlinearities of :mod:`kneerepro.networks`, and a step computes what those of
:mod:`kneerepro.algorithms` do, with PyTorch's own random numbers.
"""

import functools
import math

import torch
from torch import nn
from torch.nn import functional as F

from kneerepro import config

# As kneerepro.networks has them, which would bring Theano along: its memory is
# not to be counted here.
ENCODER_FILTERS = 64, 128, 256, 256
DECODER_FILTERS = 256, 128, 64, 1
GENERATOR_FILTERS = 1024, 512, 256, 128
DISCRIMINATOR_FILTERS = 128, 256, 512, 1024


def training_step(network, batch_size, device='cpu', width=1, depth=160):
    """Build networks of thesis size, and what trains them.

    Parameters
    ----------
    network : {'cae2d', 'cae3d', 'dcgan', 'wgan_gp'}
    batch_size : int
        Images that a step of a generator generates.
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
        Of a minibatch, a tensor of shape (n, 1, rows, columns) or (n, 1,
        depth, rows, columns) on the device. Returns the losses, a list of
        tensors: those of both networks for a GAN.
    """
    parameters = config.read_preset('thesis', network)
    if network.startswith('cae'):
        return _autoencoder(network, parameters, device, width, depth)
    return _gan(network, parameters, batch_size, device, width)


def captured(step, inputs):
    """A training step as one CUDA graph.

    Parameters
    ----------
    step : callable
        Of :func:`training_step`, on CUDA.
    inputs : list of tensor
        Like those that it will be called with.

    Returns
    -------
    callable
        The same as `step`, of inputs of these shapes; the tensors that it
        returns are overwritten by the next call. Three steps have been made
        before.
    """
    held = [x.clone() for x in inputs]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # which choose algorithms and make Adam's state
            step(*held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = step(*held)

    def replay(*inputs):
        for own, given in zip(held, inputs):
            own.copy_(given)
        graph.replay()
        return losses

    return replay


def use_tensor_cores():
    """Have CUDA multiply matrices in TF32, as cuDNN convolves anyway, which
    tries which of its algorithms are the fastest.
    """
    torch.set_float32_matmul_precision('high')
    torch.backends.cudnn.benchmark = True


def _autoencoder(network, parameters, device, width, depth):
    volumes = network == 'cae3d'
    size = (depth // 16, 4, 4) if volumes else (4, 4)
    nz = parameters['nz']
    Conv, Deconv = (
        (nn.Conv3d, nn.ConvTranspose3d)
        if volumes
        else (nn.Conv2d, nn.ConvTranspose2d)
    )
    counts = 1, *_scaled(ENCODER_FILTERS, width)
    units = counts[-1] * math.prod(size)
    encoder = nn.Sequential(
        *[
            layer
            for a, b in zip(counts, counts[1:])
            for layer in (Conv(a, b, 5, 2, 2), nn.LeakyReLU(0.2, inplace=True))
        ],
        nn.Flatten(),
        nn.Linear(units, nz),
        nn.Sigmoid(),
    )
    counts = counts[-1], *_scaled(DECODER_FILTERS[:-1], width), 1
    decoder = nn.Sequential(
        nn.Linear(nz, units),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (counts[0], *size)),
        *[
            layer
            for a, b in zip(counts, counts[1:])
            for layer in (Deconv(a, b, 4, 2, 1), nn.ReLU(inplace=True))
        ][:-1],
        nn.Sigmoid(),
    )
    networks = [placed(one, device, volumes) for one in (encoder, decoder)]
    adam = _adam(parameters, device, *networks)

    def step(x):
        adam.zero_grad()
        loss = F.mse_loss(networks[1](networks[0](x)), x)
        (loss / 2).backward()
        adam.step()
        return [loss.detach()]

    return networks, step


def _gan(network, parameters, batch_size, device, width):
    nz = parameters['nz']
    counts = *_scaled(GENERATOR_FILTERS, width), 1
    layers = [
        nn.Linear(nz, counts[0] * 16),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (counts[0], 4, 4)),
    ]
    for i, (a, b) in enumerate(zip(counts, counts[1:]), 2):
        last = i == len(counts)
        layers.append(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=last))
        layers += (
            [nn.Sigmoid()]
            if last
            else [nn.BatchNorm2d(b, 1e-4), nn.ReLU(inplace=True)]
        )
    generator = placed(nn.Sequential(*layers), device)

    counts = 1, *_scaled(DISCRIMINATOR_FILTERS, width)
    layers = []
    for a, b in zip(counts, counts[1:]):
        layers += [
            nn.Conv2d(a, b, 5, 2, 2, bias=False),
            nn.BatchNorm2d(b, 1e-4),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    critic = placed(
        nn.Sequential(*layers, nn.Flatten(), nn.Linear(counts[-1] * 16, 1)),
        device,
    )

    adams = [_adam(parameters, device, one) for one in (generator, critic)]
    if network == 'dcgan':
        loss_of_critic, loss_of_generator = (
            _discriminator_loss,
            lambda logits: _cross_entropy(logits, 1.0),
        )
    else:
        loss_of_critic, loss_of_generator = (
            functools.partial(
                _critic_loss, weight=parameters['penalty_weight']
            ),
            lambda scores: -scores.mean(),
        )

    def step(x):
        adams[1].zero_grad()
        with torch.no_grad():
            made = generator(torch.randn(len(x), nz, device=device))
        of_critic = loss_of_critic(critic, x, made)
        of_critic.backward()
        adams[1].step()

        critic.requires_grad_(False)
        adams[0].zero_grad()
        made = generator(torch.randn(batch_size, nz, device=device))
        of_generator = loss_of_generator(critic(made))
        of_generator.backward()
        adams[0].step()
        critic.requires_grad_(True)
        return [of_critic.detach(), of_generator.detach()]

    return [generator, critic], step


def _cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, target)
    )


def _discriminator_loss(discriminator, x, made):
    return _cross_entropy(discriminator(x), 1.0) + _cross_entropy(
        discriminator(made), 0.0
    )


def _critic_loss(critic, x, made, weight):
    e = torch.rand(len(x), 1, 1, 1, device=x.device)
    mixed = torch.lerp(made, x, e).requires_grad_()
    (gradient,) = torch.autograd.grad(
        critic(mixed).sum(), mixed, create_graph=True
    )
    penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return critic(made).mean() - critic(x).mean() + weight * penalty


def placed(network, device, volumes=False):
    """On the device, with the memory format that convolutions like best."""
    return network.to(
        device,
        memory_format=(
            torch.channels_last_3d if volumes else torch.channels_last
        ),
    )


def optimiser_options(device):
    """What an optimiser is to be told beside its numbers."""
    return {
        'fused': True,
        **({'capturable': True} if device == 'cuda' else {}),
    }


def _adam(parameters, device, *trained):
    return torch.optim.Adam(
        [parameter for one in trained for parameter in one.parameters()],
        parameters['learning_rate'],
        betas=(parameters['beta1'], parameters['beta2']),
        **optimiser_options(device),
    )


def _scaled(counts, width):
    return [max(1, round(count * width)) for count in counts]
