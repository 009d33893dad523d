"""The four experiments of the thesis: what sets each apart from the others.

Everything else asks here instead of testing for a name, so that an experiment
is added by adding a record.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExperimentSpec:
    """An experiment of the thesis.

    Attributes
    ----------
    name : str
        By which runs, presets and commands call it.
    title : str
        By which tables and figures call it, as in 'the DCGAN'.
    section : str
        Of the thesis's results.
    builder, compiler : str
        Functions of :mod:`kneerepro.networks` and
        :mod:`kneerepro.algorithms`.
    networks : tuple of 2 str
        What its two networks are, in the order in which the builder returns
        them.
    options : tuple of str
        Parameters of :mod:`kneerepro.config` that the builder takes.
    on_volumes : bool
        Whether an example is a volume rather than a slice.
    autoencoder : bool
        Whether it is an autoencoder, which is built for the size of its
        images and has a test set, rather than a GAN.
    losses : tuple of str
        What its training logs.
    published : tuple of (str, str)
        Final losses read off the published curves, to 0.0005.
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

    def sizes(self, shape: tuple[int, int, int]) -> dict[str, int]:
        """The sizes that the builder takes.

        Parameters
        ----------
        shape : tuple of 3 ints
            Depth, rows and columns of the volumes.
        """
        if not self.autoencoder:
            return {}
        depth, rows, columns = shape
        plane = {'rows': rows, 'columns': columns}
        return {'depth': depth, **plane} if self.on_volumes else plane

    @property
    def unit(self) -> str:
        """What an example is called: 'volumes' or 'images'."""
        return 'volumes' if self.on_volumes else 'images'


_AUTOENCODER = dict(
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
        compiler='compile_dcgan',
        networks=('generator', 'discriminator'),
        options=_GAN_OPTIONS,
        on_volumes=False,
        autoencoder=False,
        losses=('discriminator', 'generator'),
    ),
    ExperimentSpec(
        name='wgan_gp',
        title='WGAN-GP',
        section='3.4',
        builder='build_wgan_gp',
        compiler='compile_wgan_gp',
        networks=('generator', 'critic'),
        options=(*_GAN_OPTIONS, 'critic_batch_norm'),
        on_volumes=False,
        autoencoder=False,
        losses=('critic', 'generator'),
    ),
)

#: All experiments by name, in the order of the thesis.
EXPERIMENTS: dict[str, ExperimentSpec] = {spec.name: spec for spec in _SPECS}
#: Names of those that train an autoencoder, and of those that train a GAN.
AUTOENCODERS = tuple(spec.name for spec in _SPECS if spec.autoencoder)
GANS = tuple(spec.name for spec in _SPECS if not spec.autoencoder)
