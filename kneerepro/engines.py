"""Which engine runs the compiled functions, and on which device."""

import argparse
import importlib.util
import math

from kneerepro.compat.theano_flags import C_CODE
from kneerepro.utils.errors import UserError

ENGINES = 'auto', 'torch', 'theano'
DEVICES = 'auto', 'cpu', 'cuda'

#: What convolutions and products of matrices are computed in; the first is
#: the thesis's.
PRECISIONS = 'float32', 'bf16'

#: Of the free memory of a GPU, what a dataset may take for itself.
_SHARE = 0.25


def add_arguments(parser):
    """Add ``--engine``, ``--device`` and ``--precision``."""
    parser.add_argument(
        '--engine',
        choices=ENGINES,
        default='auto',
        help="what runs the Theano functions: PyTorch's kernels, or "
        "Theano's own C code (auto: PyTorch where it is installed)",
    )
    parser.add_argument(
        '--device',
        choices=DEVICES,
        default='auto',
        help='of PyTorch (auto: CUDA where there is some)',
    )
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of PyTorch's convolutions and products of matrices (default: "
        'float32; bf16 needs less memory, and losses differ)',
    )


def precision_of(stored):
    """The precision among a run's settings or arguments; those of runs from
    before there was a choice name none.
    """
    return stored.get('precision', PRECISIONS[0])


def add_cuda_arguments(parser):
    """Add ``--cuda-graphs``, ``--tf32`` and ``--deterministic``, and ``--no-``
    with each.
    """
    parser.add_argument(
        '--cuda-graphs',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, record what a training step does there, and replay it',
    )
    parser.add_argument(
        '--tf32',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, multiply and convolve in TensorFloat-32, which has '
        'ten bits for a fraction instead of 23',
    )
    parser.add_argument(
        '--deterministic',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='on CUDA, use algorithms that give the same numbers each time, '
        'so that a resumed run is the same to the bit; without, the '
        'fastest',
    )


class Engine:
    """An engine and a device, as far as this machine has them.

    Parameters
    ----------
    name : {'auto', 'torch', 'theano'}
    device : {'auto', 'cpu', 'cuda'}
    precision : {'float32', 'bf16'}
    cuda_graphs, tf32 : bool, optional
        See :func:`kneerepro.engine.torch_mode`.
    deterministic : bool
        Whether cuDNN, in the whole process, takes algorithms that give the
        same numbers each time, rather than those that it finds to be the
        fastest.

    Attributes
    ----------
    name : {'torch', 'theano'}
    device : {'cpu', 'cuda'}
    precision : {'float32', 'bf16'}
    mode : theano.compile.Mode or str
        For ``theano.function``.

    Raises
    ------
    UserError
        If this machine lacks what was asked for.
    """

    def __init__(
        self,
        name='auto',
        device='auto',
        precision='float32',
        cuda_graphs=None,
        tf32=None,
        deterministic=True,
    ):
        if name == 'auto':
            name = 'torch' if _has_torch() or not C_CODE else 'theano'
        if name == 'theano':
            if device == 'cuda':
                raise UserError(
                    "Theano's own code runs on the CPU alone: "
                    '--device cuda needs --engine torch' + _how_to_install()
                )
            if precision != 'float32':
                raise UserError(
                    "Theano's own code has float32 alone: "
                    f'--precision {precision} needs --engine '
                    'torch' + _how_to_install()
                )
            if not C_CODE:
                raise UserError(
                    "Theano's own code needs Python 3.9, 3.10 or "
                    '3.11; on this one, use --engine torch' + _how_to_install()
                )
            self.device, self.mode = 'cpu', 'FAST_RUN'
        else:
            if not _has_torch():
                raise UserError('PyTorch is not installed' + _how_to_install())
            import torch

            from kneerepro.engine import torch_mode

            if device == 'cuda' and not torch.cuda.is_available():
                raise UserError(
                    'PyTorch finds no CUDA device here: use '
                    '--device cpu, or a build of PyTorch for '
                    'your GPU'
                )
            if device == 'auto':
                device = 'cuda' if torch.cuda.is_available() else 'cpu'
            if device == 'cuda':
                torch.backends.cudnn.deterministic = deterministic
            self.device = device
            self.mode = torch_mode(device, precision, cuda_graphs, tf32)
        self.name, self.precision = name, precision

    def __str__(self):
        if self.name == 'theano':
            import theano

            code = 'C' if theano.config.cxx else 'Python'
            return f'Theano {theano.__version__}, its own {code} code'
        import torch

        if self.device == 'cpu':
            where = f'the CPU, {torch.get_num_threads()} threads'
        else:
            where = torch.cuda.get_device_name()
        products = (
            ''
            if self.precision == 'float32'
            else (f', products in {self.precision}')
        )
        return f'PyTorch {torch.__version__} on {where}{products}'

    def place(self, examples):
        """Examples for training: on the device if they fit there, as they
        are otherwise.

        Parameters
        ----------
        examples : View or array, shape (n, ...), float32
        """
        if self.device == 'cuda':
            import torch

            from kneerepro.engine.feeding import DeviceArray

            size = 4 * math.prod(examples.shape)
            if size <= _SHARE * torch.cuda.mem_get_info()[0]:
                return DeviceArray(examples, self.device)
        return examples

    def feed(self, batches):
        """Minibatches, the next of which is on its way while the last is
        trained on.

        Parameters
        ----------
        batches : iterable of array or tensor
        """
        if self.name == 'theano':
            return batches
        from kneerepro.engine.feeding import prefetch

        return prefetch(batches, self.device)


def _has_torch():
    return importlib.util.find_spec('torch') is not None


def _how_to_install():
    return (
        ''
        if _has_torch()
        else (
            ' (to install it: pip install torch, or the extra "torch" of this '
            'package)'
        )
    )
