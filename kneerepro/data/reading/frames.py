"""The images of a DICOM file: one, or one for each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pydicom

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import Header, read_header
from kneerepro.data.reading.pixel_data import locate_pixels

# The SOP classes Enhanced MR and Legacy Converted Enhanced MR.
ENHANCED = '1.2.840.10008.5.1.4.1.1.4.1', '1.2.840.10008.5.1.4.1.1.4.4'

# A header may declare any number of frames; a knee has a few hundred.
_MAX_FRAMES = 10**5


@dataclass(frozen=True)
class Frame:
    """One image of a file.

    Attributes
    ----------
    index : int
        Of the frame in its file, from 0.
    header : Header
    sop : str
        SOPInstanceUID; of a frame of an enhanced image, the index follows.
    number : int or None
        InstanceNumber.
    position : tuple of 3 floats, or None
        ImagePositionPatient, in mm.
    offset : int or None
        Where its pixels begin in the file, if they are stored as plain
        integers.
    defect : str or None
        The code of what is wrong with its pixels.
    """

    index: int
    header: Header
    sop: str
    number: int | None
    position: tuple[float, ...] | None
    offset: int | None = None
    defect: str | None = None


def read_frames(path: str) -> list[Frame]:
    """Read the headers of all images in a DICOM file.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of Frame

    Raises
    ------
    DefectError
        UNREADABLE, NOT_DICOM or NO_SERIES_UID.
    """
    file = read_header(path)
    header = file.common
    start, defect = locate_pixels(path, file)
    if header.sop_class in ENHANCED:
        frames = _enhanced_frames(path, header, file.sop)
    else:
        frames = [
            Frame(
                index=index,
                header=header,
                sop=file.sop,
                number=file.number,
                position=file.position,
            )
            for index in range(max(1, min(header.frames, _MAX_FRAMES)))
        ]
    step = header.rows * header.columns * header.bits_allocated // 8
    return [
        replace(
            frame,
            offset=None if start is None else start + frame.index * step,
            defect=defect,
        )
        for frame in frames
    ]


def _enhanced_frames(path, header, sop):
    """The frames of an enhanced multi-frame image (DICOM part 3, A.36)."""
    try:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        shared = image.get('SharedFunctionalGroupsSequence') or [{}]
        frames = [
            _enhanced_frame(
                index, _FunctionalGroups(own, shared[0]), header, sop
            )
            for index, own in enumerate(image.PerFrameFunctionalGroupsSequence)
        ]
        if len(frames) != header.frames:
            raise ValueError('groups for another number of frames')
    except Exception as error:
        # pydicom lets through whatever a damaged file provokes.
        raise DefectError(
            'UNREADABLE',
            'its header does not describe its frames '
            f'({type(error).__name__})',
        ) from None
    return frames


class _FunctionalGroups:
    """The attributes of one frame: its own, then those that all share."""

    def __init__(self, own: Any, shared: Any):
        self._groups = own, shared

    def find(self, sequence, name):
        for group in self._groups:
            for item in group.get(sequence) or []:
                if item.get(name) is not None:
                    return item.get(name)
        return None

    def text(self, sequence, name):
        return str(self.find(sequence, name) or '')

    def number(self, sequence, name, default):
        value = self.find(sequence, name)
        return default if value is None else float(value)

    def numbers(self, sequence, name):
        value = self.find(sequence, name)
        return None if value is None else tuple(map(float, value))


def _enhanced_frame(index, groups, header, sop):
    transformation = 'PixelValueTransformationSequence'
    number = groups.find('FrameContentSequence', 'InStackPositionNumber')
    return Frame(
        index=index,
        header=replace(
            header,
            orientation=groups.numbers(
                'PlaneOrientationSequence', 'ImageOrientationPatient'
            ),
            pixel_spacing=groups.numbers(
                'PixelMeasuresSequence', 'PixelSpacing'
            ),
            stack=groups.text('FrameContentSequence', 'StackID'),
            temporal_position=groups.text(
                'FrameContentSequence', 'TemporalPositionIndex'
            ),
            echo_time=groups.text('MREchoSequence', 'EffectiveEchoTime'),
            laterality=groups.text('FrameAnatomySequence', 'FrameLaterality')
            or header.laterality,
            slope=groups.number(transformation, 'RescaleSlope', 1.0),
            intercept=groups.number(transformation, 'RescaleIntercept', 0.0),
        ),
        sop=f'{sop}:{index}',
        number=None if number is None else int(number),
        position=groups.numbers(
            'PlanePositionSequence', 'ImagePositionPatient'
        ),
    )
