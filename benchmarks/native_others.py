"""The networks of :mod:`others` in PyTorch alone, as somebody who knows it
well would write them.
"""

import torch
from native import optimiser_options, placed
from steps import BLOCKS, CLASSES, FILTERS
from torch import nn
from torch.nn import functional as F


def training_step(network, device='cpu', width=1):
    """Build a network, and what trains it.

    Parameters
    ----------
    network : {'resnet', 'unet3d'}
    device : str
    width : int
        Factor on every number of filters.

    Returns
    -------
    network : nn.Module
    step : callable
        Of a minibatch and its classes, int64, tensors on the device. Returns
        a list of one tensor, the mean cross-entropy.
    """
    volumes = network == 'unet3d'
    trained = placed((unet3d if volumes else ResNet)(width), device, volumes)
    options = optimiser_options(device)
    if volumes:
        optimiser = torch.optim.Adam(trained.parameters(), 1e-3, **options)
    else:
        options.pop('capturable', None)  # momentum counts no steps
        optimiser = torch.optim.SGD(
            trained.parameters(), 0.1, 0.9, nesterov=True, **options
        )

    def step(x, y):
        optimiser.zero_grad()
        loss = F.cross_entropy(trained(x), y)
        loss.backward()
        optimiser.step()
        return [loss.detach()]

    return trained, step


class ResNet(nn.Module):
    """As :func:`others.build_resnet`; gives logits."""

    def __init__(self, width):
        super().__init__()
        counts = [width * count for count in FILTERS['resnet']]
        self.first = nn.Sequential(
            *_conv(3, counts[0], 3), nn.ReLU(inplace=True)
        )
        blocks, before = [], counts[0]
        for i, count in enumerate(counts):
            for block in range(BLOCKS):
                blocks.append(
                    Block(before, count, 2 if i and not block else 1)
                )
                before = count
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(before, CLASSES['resnet'])

    def forward(self, x):
        return self.last(self.blocks(self.first(x)).mean((2, 3)))


class Block(nn.Module):
    def __init__(self, before, count, stride):
        super().__init__()
        self.main = nn.Sequential(
            *_conv(before, count, 3, stride),
            nn.ReLU(inplace=True),
            *_conv(count, count, 3),
        )
        self.shortcut = nn.Sequential(
            *(_conv(before, count, 1, stride) if stride > 1 else ())
        )

    def forward(self, x):
        return F.relu_(self.main(x).add_(self.shortcut(x)))


def _conv(before, count, size, stride=1):
    return (
        nn.Conv2d(before, count, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(count, 1e-4),
    )


class Level(nn.Module):
    """A resolution of the U-Net, and all that is below it."""

    def __init__(self, before, count, *below):
        super().__init__()
        self.down = _two_convs(before, count)
        self.below = nn.Sequential(
            nn.Conv3d(count, count, 2, 2, bias=False),
            nn.BatchNorm3d(count, 1e-4),
            nn.ReLU(inplace=True),
            Level(count, *below) if below[1:] else _two_convs(count, *below),
            nn.ConvTranspose3d(below[0], count, 2, 2),
            nn.ReLU(inplace=True),
        )
        self.up = _two_convs(2 * count, count)

    def forward(self, x):
        x = self.down(x)
        return self.up(torch.cat([x, self.below(x)], 1))


def unet3d(width):
    """As :func:`others.build_unet3d`; gives logits, the classes on axis 1."""
    counts = [width * count for count in FILTERS['unet3d']]
    return nn.Sequential(
        Level(1, *counts), nn.Conv3d(counts[0], CLASSES['unet3d'], 1)
    )


def _two_convs(before, count):
    layers = []
    for channels in before, count:
        layers += [
            nn.Conv3d(channels, count, 3, padding=1, bias=False),
            nn.BatchNorm3d(count, 1e-4),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
