"""Figures 2.1, 2.2 and 3.1: what the networks learn from."""

import numpy as np

from kneerepro.figures.style import (
    FOOTER,
    GREY,
    TEST,
    axes_at,
    new_figure,
    show_image,
    styled,
    window,
)

_BAR = 50  # mm


@styled
def figure_2_1(volume, spacing, directions, footer=None, at=(0.5, 0.5, 0.5)):
    """One patient in the sagittal, axial and coronal plane, to one scale.

    Parameters
    ----------
    volume : array, shape (slices, rows, columns)
    spacing : tuple of 3 floats
        Distance of slices, rows and columns, in mm.
    directions : str
        Six letters: towards which sides of the patient (L, R, A, P, S, I) the
        first and the last slice lie, the first and last row, and the first
        and last column.
    footer : str, optional
        Small print.
    at : tuple of 3 floats
        Where to cut, from 0 at the patient's right, front and head to 1 at
        the left, back and foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    volume, spacing = _as_patient(volume, spacing, directions)
    cut = [min(int(a * n), n - 1) for a, n in zip(at, volume.shape)]
    # Middle of each cut, and the length of each axis: right-left,
    # front-back, head-foot; in mm.
    place = [(i + 0.5) * step for i, step in zip(cut, spacing)]
    x, y, z = np.multiply(volume.shape, spacing)
    panels = [
        ('sagittal', volume[cut[0]].T, (y, z), place[1:], 'APSI'),
        ('axial', volume[:, :, cut[2]].T, (x, y), place[:2], 'RLAP'),
        ('coronal', volume[:, cut[1]].T, (x, z), place[::2], 'RLSI'),
    ]

    # All in inches.
    width, gap, bottom, line = 7, 0.12, FOOTER, 0.25
    scale = (width - 4 * gap) / (y + 2 * x)
    tallest = max(z, y) * scale
    height = bottom + tallest + line
    figure = new_figure(width, height, footer)
    white = float(np.percentile(volume, 99.7))
    left = gap
    for title, image, (wide, tall), (u, v), letters in panels:
        base = bottom + (tallest - tall * scale) / 2
        axes = axes_at(figure, left, base, wide * scale, tall * scale)
        axes.imshow(
            image,
            cmap='gray',
            vmin=0,
            vmax=white,
            extent=(0, wide, tall, 0),
            aspect='auto',
            interpolation='bilinear',
        )
        axes.set_axis_off()
        axes.set_title(title, pad=4)
        axes.axvline(u, color=TEST, linewidth=0.5, alpha=0.8)
        axes.axhline(v, color=TEST, linewidth=0.5, alpha=0.8)
        for letter, where in zip(
            letters, [(0.03, 0.5), (0.97, 0.5), (0.5, 0.97), (0.5, 0.03)]
        ):
            axes.text(
                *where,
                letter,
                transform=axes.transAxes,
                fontsize=7,
                color='white',
                ha='center',
                va='center',
                bbox=dict(
                    facecolor='black', edgecolor='none', pad=0.8, alpha=0.6
                ),
            )
        if title == 'sagittal':
            _draw_scale_bar(axes, wide - 6, tall - 6)
        left += wide * scale + gap
    return figure


def _draw_scale_bar(axes, right, bottom):
    axes.plot(
        [right - _BAR, right],
        [bottom] * 2,
        color='white',
        linewidth=1.5,
        solid_capstyle='butt',
    )
    axes.text(
        right - _BAR / 2,
        bottom - 3,
        f'{_BAR} mm',
        color='white',
        fontsize=7,
        ha='center',
        va='bottom',
    )


def _as_patient(volume, spacing, directions):
    """The volume with its axes from right to left, front to back and head to
    foot.
    """
    pairs = [directions[i : i + 2] for i in (0, 2, 4)]
    order, flips = [], []
    for i, pair in enumerate(['RL', 'AP', 'SI']):
        axis = next(
            axis for axis, found in enumerate(pairs) if set(found) == set(pair)
        )
        order.append(axis)
        if pairs[axis] != pair:
            flips.append(i)
    return (
        np.flip(np.transpose(volume, order), flips),
        [spacing[axis] for axis in order],
    )


@styled
def figure_2_2(volume, footer=None):
    """All slides of one resized volume, from the first to the last.

    Parameters
    ----------
    volume : array, shape (depth, rows, columns)
        Values in [0, 1].
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _sheet(
        volume,
        16 if len(volume) > 25 else 5,
        window(volume),
        footer,
        numbered=True,
    )


@styled
def figure_3_1(images, footer=None):
    """Randomly selected examples of the 2D dataset.

    Parameters
    ----------
    images : array, shape (n, 1, rows, columns)
        Values in [0, 1]; 25 in the thesis.
    footer : str, optional
        Small print.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return _sheet(
        images[:, 0],
        int(np.ceil(np.sqrt(len(images)))),
        window(images),
        footer,
        width=5,
    )


def _sheet(images, columns, vmax, footer, numbered=False, width=7):
    """Images side by side, in rows from left to right."""
    rows = -(-len(images) // columns)
    # All in inches.
    left, right, gap, bottom, top = (
        0.3 if numbered else 0.06,
        0.06,
        0.02,
        FOOTER,
        0.06,
    )
    wide = (width - left - right + gap) / columns - gap
    tall = wide * images.shape[1] / images.shape[2]
    height = bottom + rows * (tall + gap) - gap + top
    figure = new_figure(width, height, footer)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        x = left + column * (wide + gap)
        y = height - top - (row + 1) * tall - row * gap
        axes = axes_at(figure, x, y, wide, tall)
        show_image(axes, image, vmax)
        if numbered and column == 0:
            axes.set_ylabel(
                str(i + 1),
                fontsize=7,
                color=GREY,
                rotation=0,
                ha='right',
                va='center',
                labelpad=3,
            )
    return figure
