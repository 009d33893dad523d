"""Choose the engine, device and precision that compiled functions run in."""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Iterable, Mapping
from typing import Any

from kneerepro.compat.theano_flags import C_CODE
from kneerepro.utils.errors import UserError

ENGINES = 'auto', 'torch', 'theano'
DEVICES = 'auto', 'cpu', 'cuda'

#: Precisions of convolutions and matrix products. The first is the thesis's.
PRECISIONS = 'float32', 'bf16'

# A dataset is copied to the GPU if it takes at most this fraction of the free
# memory. Activations, gradients and cuDNN's workspaces need the rest.
_MAX_SHARE = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--engine``, ``--device`` and ``--precision``."""
    parser.add_argument(
        '--engine',
        choices=ENGINES,
        default='auto',
        help="what runs the Theano functions: PyTorch's kernels, or "
        "Theano's own C code (auto: PyTorch if it is installed)",
    )
    parser.add_argument(
        '--device',
        choices=DEVICES,
        default='auto',
        help='where PyTorch computes (auto: CUDA if it is available)',
    )
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="precision of PyTorch's convolutions and matrix products "
        '(default: float32; bf16 needs less memory, and the losses differ)',
    )


def add_cuda_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--cuda-graphs``, ``--tf32`` and ``--deterministic``, each with
    its ``--no-`` form.
    """
    parser.add_argument(
        '--cuda-graphs',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, record the kernels of a training step once and replay '
        'them',
    )
    parser.add_argument(
        '--tf32',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, multiply and convolve in TensorFloat-32, whose '
        'fraction has 10 bits instead of 23',
    )
    parser.add_argument(
        '--deterministic',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, use deterministic algorithms, with which a resumed run '
        'equals an uninterrupted one to the bit, rather than the fastest '
        'ones',
    )


def stored_precision(stored: Mapping[str, Any]) -> str:
    """Return the precision in the settings or arguments that a run stored.

    Runs of versions that offered no choice stored none and used float32, as
    the thesis did.
    """
    return stored.get('precision', PRECISIONS[0])


class Engine:
    """An engine and a device that this machine has.

    Parameters
    ----------
    name : {'auto', 'torch', 'theano'}
    device : {'auto', 'cpu', 'cuda'}
    precision : {'float32', 'bf16'}
    cuda_graphs, tf32 : bool, optional
        See :func:`kneerepro.engine.torch_mode`.
    deterministic : bool
        Whether cuDNN uses deterministic algorithms, rather than those that it
        measures to be the fastest. On CUDA, this holds for the whole process.

    Attributes
    ----------
    name : {'torch', 'theano'}
    device : {'cpu', 'cuda'}
    precision : {'float32', 'bf16'}
    mode : theano.compile.Mode or str
        To be passed to ``theano.function``.

    Raises
    ------
    UserError
        If this machine does not have what is asked for, or the engine is
        unknown.
    """

    def __init__(
        self,
        name: str = 'auto',
        device: str = 'auto',
        precision: str = 'float32',
        cuda_graphs: bool | None = None,
        tf32: bool | None = None,
        deterministic: bool = True,
    ):
        if name not in ENGINES:
            raise UserError(
                f'unknown engine {name!r}: use one of {", ".join(ENGINES)}'
            )
        if name == 'auto':
            name = 'torch' if _has_torch() or not C_CODE else 'theano'
        self.name, self.precision = name, precision
        self.mode: Any
        if name == 'theano':
            _check_theano(device, precision)
            self.device, self.mode = 'cpu', 'FAST_RUN'
            return
        self.device = _torch_device(device)
        from kneerepro.engine import torch_mode

        if self.device == 'cuda':
            import torch

            torch.backends.cudnn.deterministic = deterministic
        self.mode = torch_mode(self.device, precision, cuda_graphs, tf32)

    def __str__(self) -> str:
        if self.name == 'theano':
            import theano

            code = 'C' if theano.config.cxx else 'Python'
            return f'Theano {theano.__version__}, its own {code} code'
        import torch

        if self.device == 'cpu':
            count = torch.get_num_threads()
            where = f'the CPU, {count} thread' + ('s' if count > 1 else '')
        else:
            where = torch.cuda.get_device_name()
        text = f'PyTorch {torch.__version__} on {where}'
        if self.precision != 'float32':
            text += f', products in {self.precision}'
        return text

    def place(self, examples: Any) -> Any:
        """Copy the training examples to the GPU if they fit there.

        Parameters
        ----------
        examples : View or array, shape (n, ...), float32

        Returns
        -------
        DeviceArray, View or array
            The argument itself on the CPU, or if it is too large for the GPU.
        """
        if self.device == 'cuda':
            import torch

            from kneerepro.engine.feeding import DeviceArray

            size = 4 * math.prod(examples.shape)  # bytes
            free, _ = torch.cuda.mem_get_info()
            if size <= _MAX_SHARE * free:
                return DeviceArray(examples, self.device)
        return examples

    def feed(self, batches: Iterable[Any]) -> Iterable[Any]:
        """Load each minibatch while the one before it is trained on.

        Parameters
        ----------
        batches : iterable of array or tensor

        Returns
        -------
        iterable of array or tensor
            The same minibatches.
        """
        if self.name == 'theano':
            return batches
        from kneerepro.engine.feeding import prefetch

        return prefetch(batches, self.device)


def _check_theano(device: str, precision: str) -> None:
    """Raise UserError if Theano's own code cannot do what is asked for."""
    if device == 'cuda':
        raise UserError(
            "Theano's own code runs only on the CPU: --device cuda requires "
            '--engine torch' + _how_to_install()
        )
    if precision != 'float32':
        raise UserError(
            "Theano's own code computes only in float32: "
            f'--precision {precision} requires --engine torch'
            + _how_to_install()
        )
    if not C_CODE:
        raise UserError(
            "Theano's own code requires Python 3.9, 3.10 or 3.11; on this "
            'Python, use --engine torch' + _how_to_install()
        )


def _torch_device(device: str) -> str:
    """Return 'cpu' or 'cuda'; raise UserError if PyTorch lacks it."""
    if not _has_torch():
        raise UserError('PyTorch is not installed' + _how_to_install())
    import torch

    if device == 'cuda' and not torch.cuda.is_available():
        raise UserError(
            'PyTorch finds no CUDA device on this machine: use --device cpu, '
            'or install a build of PyTorch for your GPU'
        )
    if device == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    return device


def _has_torch() -> bool:
    return importlib.util.find_spec('torch') is not None


def _how_to_install() -> str:
    if _has_torch():
        return ''
    return (
        ' (to install it: pip install torch, or the extra "torch" of this '
        'package)'
    )
