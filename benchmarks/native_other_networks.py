"""The networks of :mod:`other_networks` in PyTorch alone, written as somebody
who knows PyTorch well would write them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from native import move, optimiser_options
from network_sizes import BLOCKS, CLASSES, FILTERS
from torch import nn
from torch.nn import functional as F


def training_step(
    network: str, device: str = 'cpu', width: float = 1
) -> tuple[nn.Module, Callable[..., list[torch.Tensor]]]:
    """Build a network and its training step.

    Parameters
    ----------
    network : {'resnet', 'unet3d'}
    device : str
    width : float
        Factor on every number of filters.

    Returns
    -------
    network : nn.Module
    step : callable
        Takes tensors on the device: a minibatch, and its classes as int64.
        Returns a list of one tensor, the mean cross-entropy.
    """
    volumes = network == 'unet3d'
    build = build_unet3d if volumes else ResNet
    model = move(build(width), device, volumes)
    options = optimiser_options(device)
    if volumes:
        optimiser = torch.optim.Adam(model.parameters(), 1e-3, **options)
    else:
        options.pop('capturable', None)  # momentum does not count its steps
        optimiser = torch.optim.SGD(
            model.parameters(), 0.1, 0.9, nesterov=True, **options
        )

    def step(x, y):
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return [loss.detach()]

    return model, step


class ResNet(nn.Module):
    """The network of :func:`other_networks.build_resnet`; returns logits."""

    def __init__(self, width: float):
        super().__init__()
        counts = [round(width * count) for count in FILTERS['resnet']]
        self.first = nn.Sequential(
            *_conv(3, counts[0], 3), nn.ReLU(inplace=True)
        )
        blocks, channels = [], counts[0]
        for i, count in enumerate(counts):
            for block in range(BLOCKS):
                stride = 2 if i and not block else 1
                blocks.append(ResidualBlock(channels, count, stride))
                channels = count
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(channels, CLASSES['resnet'])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the logits of images, shape (n, 10)."""
        return self.last(self.blocks(self.first(x)).mean((2, 3)))


class ResidualBlock(nn.Module):
    """Two convolutions, and a shortcut around them."""

    def __init__(self, channels: int, count: int, stride: int):
        super().__init__()
        self.main = nn.Sequential(
            *_conv(channels, count, 3, stride),
            nn.ReLU(inplace=True),
            *_conv(count, count, 3),
        )
        shortcut = _conv(channels, count, 1, stride) if stride > 1 else ()
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the features of the next block."""
        return F.relu_(self.main(x).add_(self.shortcut(x)))


def _conv(channels, count, size, stride=1):
    return (
        nn.Conv2d(channels, count, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(count, 1e-4),
    )


class Level(nn.Module):
    """A resolution of the U-Net, and the lower resolutions inside it."""

    def __init__(self, channels: int, count: int, *below: int):
        super().__init__()
        self.down = _double_conv(channels, count)
        self.below = nn.Sequential(
            nn.Conv3d(count, count, 2, 2, bias=False),
            nn.BatchNorm3d(count, 1e-4),
            nn.ReLU(inplace=True),
            Level(count, *below) if below[1:] else _double_conv(count, *below),
            nn.ConvTranspose3d(below[0], count, 2, 2),
            nn.ReLU(inplace=True),
        )
        self.up = _double_conv(2 * count, count)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute features at the resolution of `x`."""
        x = self.down(x)
        return self.up(torch.cat([x, self.below(x)], 1))


def build_unet3d(width: float) -> nn.Module:
    """Build the network of :func:`other_networks.build_unet3d`; it returns
    logits, with the classes on axis 1.
    """
    counts = [round(width * count) for count in FILTERS['unet3d']]
    return nn.Sequential(
        Level(1, *counts), nn.Conv3d(counts[0], CLASSES['unet3d'], 1)
    )


def _double_conv(channels, count):
    layers = []
    for inputs in channels, count:
        layers += [
            nn.Conv3d(inputs, count, 3, padding=1, bias=False),
            nn.BatchNorm3d(count, 1e-4),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
