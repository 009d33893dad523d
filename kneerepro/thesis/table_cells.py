"""Cells of the thesis's tables, as text and in their aspects, the parts that
can be right or wrong each: see :mod:`kneerepro.networks.layer_table`.
"""

from kneerepro.networks.layer_table import NOTHING, times
from kneerepro.thesis import tables


def read(column, text, experiment):
    """A printed cell in the aspects of :mod:`kneerepro.networks.layer_table`.

    Parameters
    ----------
    column, text : str
    experiment : str
        The star of Table 2.4's sigmoid stands for the exception of section
        2.4.2: no activation in the WGAN-GP.

    Returns
    -------
    dict of str to str
    """
    if text == '-':
        return NOTHING
    if column == 'Layer':
        return {'kind': text.rstrip('*'), 'star': '*' * text.count('*')}
    if column in ('Input', 'Output'):
        sizes = text.split('x')
        if len(sizes) == 2:
            return {'units': sizes[1]}
        # The 1 is the batch before the channels, the depth behind them.
        channels = sizes[1] if sizes[0] == '1' else sizes[0]
        return {'channels': channels, 'size': times(sizes[2:])}
    if column == 'Filter':
        kernel, _, filters = text.rpartition('x')
        return {'kernel': kernel, 'filters': filters}
    if column == 'Activ.':
        if text == 'sigmoid*':
            return NOTHING if experiment == 'wgan_gp' else {'': 'sigmoid'}
        if text in ('Leaky ReLU', 'L. ReLU'):
            text = f'Leaky ReLU {tables.SLOPE}'
    elif '10^' in text:
        text = f'{float(text.replace("5*10^", "5e").replace("10^", "1e")):g}'
    return {'': text}


def as_text(cell):
    """A cell as the thesis would print it, of its aspects."""
    if 'kind' in cell:
        return cell['kind'] + cell['star']
    if 'size' in cell:
        depth = '1x' if cell['size'].count('x') == 1 else ''
        return f'{cell["channels"]}x{depth}{cell["size"]}'
    if 'units' in cell:
        return f'1x{cell["units"]}'
    if 'kernel' in cell:
        return f'{cell["kernel"]}x{cell["filters"]}'
    return cell['']


def in_3d(cell):
    """A cell of the 2D autoencoder's tables, with a depth.

    Parameters
    ----------
    cell : dict of str to str
        Some aspects of it.

    Returns
    -------
    dict of str to str
    """
    depth, rows, _ = tables.VOLUME

    def deep(aspect, value):
        if aspect == 'kind':
            return value.replace('2D', '3D')
        if aspect == 'kernel' and value != '1x1':
            return f'{value}x{value.split("x")[0]}'
        if aspect == 'size':
            return f'{int(value.split("x")[0]) * depth // rows}x{value}'
        if value == '4096':  # 256 x 4 x 4
            return str(4096 * 4 * depth // rows)
        return value

    return {aspect: deep(aspect, value) for aspect, value in cell.items()}
