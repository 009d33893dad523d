from dataclasses import replace

from kneerepro.phantom.anatomy import sample_anatomy


def upright(**changes):
    """A knee in the middle of the field of view.

    Its coordinates are those of the scanner, apart from the height.
    """
    return replace(
        sample_anatomy(0, 0),
        **{
            **dict(
                side='LEFT',
                size=1,
                shift_lateral_mm=0,
                shift_posterior_mm=0,
                shift_superior_mm=0,
                tilt_deg=0,
                adduction_deg=0,
                rotation_deg=0,
                flexion_deg=0,
                deformation_mm=0,
            ),
            **changes,
        },
    )
