"""Compile an experiment's networks as its training does."""

from __future__ import annotations

from typing import Any

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
from lasagne.layers import Layer

from kneerepro import algorithms
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import zoo


def compile_networks(
    network: str,
    parameters: dict[str, Any],
    shape: tuple[int, int, int],
    mode: Any,
) -> tuple[tuple[Layer, Layer], Any]:
    """Build both networks and compile their training.

    Parameters
    ----------
    network : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    parameters : dict
        See :mod:`kneerepro.config`.
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.
    mode : theano.compile.Mode or str

    Returns
    -------
    networks : tuple of 2 Layer
        Output layers.
    functions : named tuple of theano functions
        From :mod:`kneerepro.algorithms`.
    """
    spec = EXPERIMENTS[network]
    pair = zoo.build(network, zoo.builder_options(network, parameters, shape))
    names = ['learning_rate', 'beta1', 'beta2']
    if not spec.autoencoder:
        names += ['batch_size', 'seed', 'penalty_weight']
    functions = getattr(algorithms, spec.compiler)(
        *pair,
        mode=mode,
        **{name: parameters[name] for name in names if name in parameters},
    )
    return pair, functions
