"""What is known of synthetic knees, from the table beside their images."""

import csv
import math
import os


def epicondylar_widths(folder):
    """The size of each synthetic knee.

    Parameters
    ----------
    folder : str
        Of :func:`kneerepro.phantom.write_patients`, or any other.

    Returns
    -------
    dict of str to float
        PatientID to epicondylar width in mm; empty for a folder without the
        table.
    """
    path = os.path.join(folder, 'ground_truth.csv')
    try:
        with open(path, newline='', encoding='utf-8') as file:
            widths = {
                row['participant']: float(row['epicondylar_width_mm'])
                for row in csv.DictReader(file)
            }
    except (OSError, KeyError, TypeError, ValueError):
        # Somebody's own file of that name.
        return {}
    return {
        name: width for name, width in widths.items() if math.isfinite(width)
    }
