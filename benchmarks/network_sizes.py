"""The networks that the benchmarks train, and their sizes.

The sizes of the networks that are not the thesis's are here, rather than in
:mod:`other_networks`, so that PyTorch alone can read them without importing
Theano.
"""

from kneerepro.registry import EXPERIMENTS, THESIS

#: Networks that are not the thesis's.
OTHERS = 'resnet', 'unet3d'
NETWORKS = THESIS + OTHERS
#: GANs of volumes, which go beyond the thesis. PyTorch alone has none of them.
GANS_OF_VOLUMES = tuple(
    name for name, spec in EXPERIMENTS.items() if spec.extends
)

#: Examples in a minibatch; those of the thesis's networks are from Table 2.5,
#: those of the GANs of volumes from the preset full.
BATCH_SIZES = {
    'cae2d': 128,
    'cae3d': 4,
    'dcgan': 128,
    'wgan_gp': 128,
    'dcgan3d': 16,
    'wgan_gp3d': 16,
    'resnet': 128,
    'unet3d': 2,
}
#: Slices of a volume.
DEPTHS = {'cae3d': 160, 'dcgan3d': 160, 'wgan_gp3d': 160, 'unet3d': 32}

CLASSES = {'resnet': 10, 'unet3d': 4}
#: Numbers of filters, one for each resolution.
FILTERS = {'resnet': (16, 32, 64), 'unet3d': (16, 32, 64)}
#: Residual blocks for each number of filters.
BLOCKS = 3
