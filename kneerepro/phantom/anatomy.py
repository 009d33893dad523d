"""The anatomy of a synthetic subject: what differs from knee to knee."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Anatomy:
    """One subject's knee, and how it was imaged.

    Intensities are relative to that of cartilage.
    """

    side: str  # 'LEFT' or 'RIGHT'
    size: float  # 1 is average
    shift_lateral_mm: float  # of the joint from its usual position
    shift_posterior_mm: float
    shift_superior_mm: float
    tilt_deg: float  # of the leg in the sagittal plane
    adduction_deg: float  # ... in the coronal plane
    rotation_deg: float  # ... about its axis
    flexion_deg: float
    deformation_mm: float  # amplitude of a smooth random deformation
    condyle_width: float  # relative to the average
    condyle_depth: float  # front to back, relative to the average
    notch_width_mm: float
    tibia_width: float  # relative to the average
    patella_height_mm: float  # above the joint line
    patella_length_mm: float
    femoral_cartilage_mm: float
    tibial_cartilage_mm: float
    patellar_cartilage_mm: float
    effusion_mm: float  # thickness of the suprapatellar fluid
    subcutaneous_fat_mm: float
    muscle_bulk: float  # relative to the average
    muscle_intensity: float
    fat_intensity: float
    marrow_intensity: float
    fluid_intensity: float
    coil_falloff: float  # signal lost at the top and bottom of the image
    coil_edge: float  # signal gained towards the skin
    coil_skew: float  # signal gained from front to back (lost if negative)
    noise: float  # standard deviation in each channel
    gain: float  # stored value of cartilage


def sample_anatomy(seed: int, patient: int) -> Anatomy:
    """Draw a subject at random.

    The ranges are those of adults in textbooks and in the Osteoarthritis
    Initiative's images, slightly narrowed so that the knee stays in the field
    of view.

    Parameters
    ----------
    seed, patient : int
        The subject depends on these alone.

    Returns
    -------
    Anatomy
    """
    rng = np.random.default_rng([seed, patient])

    def normal(mean, deviation):
        # Truncated at two standard deviations: no subject is an outlier.
        return float(mean + deviation * np.clip(rng.standard_normal(), -2, 2))

    def uniform(low, high):
        return float(rng.uniform(low, high))

    flexion = uniform(0, 14)
    return Anatomy(
        side=['LEFT', 'RIGHT'][rng.integers(2)],
        size=normal(0.97, 0.055),
        shift_lateral_mm=normal(0, 3),
        shift_posterior_mm=normal(0, 3.5),
        shift_superior_mm=normal(0, 7),
        tilt_deg=normal(flexion / 2, 2.5),  # the coil supports thigh and calf
        adduction_deg=normal(0, 2.5),
        rotation_deg=normal(0, 6),
        flexion_deg=flexion,
        deformation_mm=uniform(0.5, 1.5),
        condyle_width=normal(1, 0.04),
        condyle_depth=normal(1, 0.04),
        notch_width_mm=normal(18, 1.5),
        tibia_width=normal(1, 0.03),
        patella_height_mm=normal(34, 3),
        patella_length_mm=normal(43, 2.5),
        femoral_cartilage_mm=normal(2.3, 0.35),
        tibial_cartilage_mm=normal(2.2, 0.35),
        patellar_cartilage_mm=normal(2.7, 0.4),
        effusion_mm=uniform(0.3, 3.5),
        subcutaneous_fat_mm=uniform(2, 11),
        muscle_bulk=normal(1.2, 0.1),
        muscle_intensity=normal(0.77, 0.06),
        fat_intensity=normal(0.17, 0.025),
        marrow_intensity=normal(0.085, 0.012),
        fluid_intensity=normal(2.4, 0.3),
        coil_falloff=uniform(0.15, 0.45),
        coil_edge=uniform(0.3, 0.8),
        coil_skew=normal(-0.12, 0.08),
        noise=uniform(0.012, 0.03),
        gain=uniform(400, 650),
    )
