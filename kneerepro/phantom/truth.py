"""Read the ground truth of synthetic knees from the table beside them."""

from __future__ import annotations

import csv
import math
import os


def epicondylar_widths(folder: str) -> dict[str, float]:
    """Read the size of each synthetic knee.

    Parameters
    ----------
    folder : str
        Where :func:`kneerepro.phantom.write_patients` wrote the knees, or any
        other folder.

    Returns
    -------
    dict of str to float
        The epicondylar width in mm by PatientID; empty if the folder has no
        such table.
    """
    path = os.path.join(folder, 'ground_truth.csv')
    try:
        with open(path, newline='', encoding='utf-8') as file:
            widths = {
                row['participant']: float(row['epicondylar_width_mm'])
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, TypeError, ValueError):
        # There is no such file, or it is something else of that name.
        return {}
    return {
        name: width for name, width in widths.items() if math.isfinite(width)
    }
