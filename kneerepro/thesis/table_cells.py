"""Convert printed cells to their aspects and back.

Aspects are the parts of a cell that can be right or wrong separately; see
:mod:`kneerepro.networks.layer_table`.
"""

from __future__ import annotations

from kneerepro.networks.layer_table import DASH, size_text
from kneerepro.thesis import tables


def read_cell(column: str, text: str, experiment: str) -> dict[str, str]:
    """Split a printed cell into its aspects.

    Parameters
    ----------
    column : str
        Heading of the cell's column.
    text : str
        The cell as printed.
    experiment : str
        The experiment that the table is read for. It decides the meaning of
        the star on Table 2.4's sigmoid: by section 2.4.2, the WGAN-GP has no
        activation there.

    Returns
    -------
    dict of str to str
    """
    if text == '-':
        return DASH
    if column == 'Layer':
        return {'kind': text.rstrip('*'), 'star': '*' * text.count('*')}
    if column in ('Input', 'Output'):
        sizes = text.split('x')
        if len(sizes) == 2:
            return {'units': sizes[1]}
        # A 1 before the channels is the batch, a 1 after them the depth.
        channels = sizes[1] if sizes[0] == '1' else sizes[0]
        return {'channels': channels, 'size': size_text(sizes[2:])}
    if column == 'Filter':
        kernel, _, filters = text.rpartition('x')
        return {'kernel': kernel, 'filters': filters}
    if column == 'Activ.':
        if text == 'sigmoid*':
            return DASH if experiment == 'wgan_gp' else {'': 'sigmoid'}
        if text in ('Leaky ReLU', 'L. ReLU'):
            text = f'Leaky ReLU {tables.SLOPE}'
    elif '10^' in text:
        text = f'{float(text.replace("5*10^", "5e").replace("10^", "1e")):g}'
    return {'': text}


def cell_text(cell: dict[str, str]) -> str:
    """Join the aspects of a cell as the thesis would print them.

    Parameters
    ----------
    cell : dict of str to str
        From :func:`read_cell` or :func:`cell_in_3d`.
    """
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


def cell_in_3d(cell: dict[str, str]) -> dict[str, str]:
    """Carry a cell about a network of images over to three dimensions.

    Parameters
    ----------
    cell : dict of str to str
        Any aspects of a cell of Tables 2.1 to 2.4.

    Returns
    -------
    dict of str to str
        The aspects for volumes of :data:`kneerepro.thesis.tables.VOLUME`.
    """
    return {aspect: _aspect_in_3d(aspect, cell[aspect]) for aspect in cell}


def _aspect_in_3d(aspect, value):
    depth, rows, _ = tables.VOLUME
    if aspect == 'kind':
        return value.replace('2D', '3D')
    if aspect == 'kernel' and value != '1x1':
        return f'{value}x{value.split("x")[0]}'
    if aspect == 'size':
        return f'{int(value.split("x")[0]) * depth // rows}x{value}'
    # 256x4x4 and 1024x4x4 in 2D, 256x10x4x4 and 1024x10x4x4 in 3D.
    if value in ('4096', '16384'):
        return str(int(value) * 4 * depth // rows)
    return value
