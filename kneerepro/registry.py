"""The experiments, and the properties in which they differ.

Four are the thesis's. Two go beyond it, to GANs of volumes (section 4.2).
Other modules look up these properties instead of comparing names. To add an
experiment, add a record here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ExperimentSpec:
    """An experiment of the thesis, or one that extends it.

    Attributes
    ----------
    name : str
        Its name in runs, presets and commands.
    title : str
        Its name in tables and figures, such as 'DCGAN' in 'the DCGAN'.
    section : str
        The section of the thesis with its results, or the one that names it
        as future work.
    builder : str
        The function of :mod:`kneerepro.networks` that builds its networks.
    compiler : str
        The function of :mod:`kneerepro.algorithms` that compiles its training.
    networks : tuple of 2 str
        The kinds of its two networks, in the order in which the builder
        returns them.
    options : tuple of str
        The parameters of :mod:`kneerepro.config` that the builder takes.
    on_volumes : bool
        Whether its examples are volumes rather than slices.
    autoencoder : bool
        Whether it is an autoencoder rather than a GAN. An autoencoder has a
        test set.
    losses : tuple of str
        Names of the losses that its training logs.
    published : tuple of (str, str)
        Final losses read off the thesis's curves, to within 0.0005: the name
        of the loss, and the value as it is printed in reports.
    extends : str or None
        None for an experiment of the thesis. One that goes beyond it takes
        this experiment of the thesis to three dimensions.
    """

    name: str
    title: str
    section: str
    builder: str
    compiler: str
    networks: tuple[str, str]
    options: tuple[str, ...]
    on_volumes: bool
    autoencoder: bool
    losses: tuple[str, ...]
    published: tuple[tuple[str, str], ...] = ()
    extends: str | None = None

    def sizes(self, shape: tuple[int, int, int]) -> dict[str, int]:
        """Return the sizes that the builder takes.

        Parameters
        ----------
        shape : tuple of 3 ints
            Depth, rows and columns of the volumes.

        Returns
        -------
        dict of str to int
            Empty for a GAN of images, which are always 64 x 64.
        """
        if not (self.autoencoder or self.on_volumes):
            return {}
        depth, rows, columns = shape
        plane = {'rows': rows, 'columns': columns}
        return {'depth': depth, **plane} if self.on_volumes else plane

    @property
    def unit(self) -> str:
        """What its examples are called: 'volumes' or 'images'."""
        return 'volumes' if self.on_volumes else 'images'

    @property
    def full_preset(self) -> str:
        """Its preset of full size: 'thesis', or 'full' beyond the thesis."""
        return 'full' if self.extends else 'thesis'


_AUTOENCODER: dict[str, Any] = dict(
    compiler='compile_cae',
    networks=('encoder', 'decoder'),
    options=(
        'nz',
        'width',
        'dense_nonlinearity',
        'channels',
        'encoder_sigmoid',
    ),
    autoencoder=True,
    losses=('train', 'test', 'first_ten'),
)
_GAN_OPTIONS = (
    'nz',
    'width',
    'dense_nonlinearity',
    'filter_size',
    'batch_norm_output',
)
_DCGAN: dict[str, Any] = dict(
    compiler='compile_dcgan',
    networks=('generator', 'discriminator'),
    options=_GAN_OPTIONS,
    autoencoder=False,
    losses=('discriminator', 'generator'),
)
_WGAN_GP: dict[str, Any] = dict(
    compiler='compile_wgan_gp',
    networks=('generator', 'critic'),
    options=(*_GAN_OPTIONS, 'critic_batch_norm'),
    autoencoder=False,
    losses=('critic', 'generator'),
)

_SPECS = (
    ExperimentSpec(
        name='cae2d',
        title='2D autoencoder',
        section='3.1',
        builder='build_cae2d',
        on_volumes=False,
        published=(('train', '0.0012'), ('first_ten', '0.0022')),
        **_AUTOENCODER,
    ),
    ExperimentSpec(
        name='cae3d',
        title='3D autoencoder',
        section='3.2',
        builder='build_cae3d',
        on_volumes=True,
        published=(('train', '0.0026'), ('first_ten', '0.016')),
        **_AUTOENCODER,
    ),
    ExperimentSpec(
        name='dcgan',
        title='DCGAN',
        section='3.3',
        builder='build_dcgan',
        on_volumes=False,
        **_DCGAN,
    ),
    ExperimentSpec(
        name='wgan_gp',
        title='WGAN-GP',
        section='3.4',
        builder='build_wgan_gp',
        on_volumes=False,
        **_WGAN_GP,
    ),
    ExperimentSpec(
        name='dcgan3d',
        title='3D DCGAN',
        section='4.2',
        builder='build_dcgan3d',
        on_volumes=True,
        extends='dcgan',
        **_DCGAN,
    ),
    ExperimentSpec(
        name='wgan_gp3d',
        title='3D WGAN-GP',
        section='4.2',
        builder='build_wgan_gp3d',
        on_volumes=True,
        extends='wgan_gp',
        **_WGAN_GP,
    ),
)

#: All experiments by name: the thesis's in its order, then those beyond it.
EXPERIMENTS: dict[str, ExperimentSpec] = {spec.name: spec for spec in _SPECS}
#: Names of the experiments of the thesis.
THESIS = tuple(spec.name for spec in _SPECS if not spec.extends)
#: Names of the experiments that train an autoencoder.
AUTOENCODERS = tuple(spec.name for spec in _SPECS if spec.autoencoder)
#: Names of the experiments that train a GAN.
GANS = tuple(spec.name for spec in _SPECS if not spec.autoencoder)
