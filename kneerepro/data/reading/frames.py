"""The images of a DICOM file: one, or one for each frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import (
    MAX_LENGTH,
    Header,
    believable_spacing,
    joined_type,
    read_header,
)
from kneerepro.data.reading.parsing import read_image
from kneerepro.data.reading.pixel_data import locate_pixels
from kneerepro.data.reading.values import MAX_INTEGER

# The SOP classes Enhanced MR and Legacy Converted Enhanced MR.
ENHANCED = '1.2.840.10008.5.1.4.1.1.4.1', '1.2.840.10008.5.1.4.1.1.4.4'


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
    if header.sop_class in ENHANCED:
        frames = _enhanced_frames(path, header, file.sop)
        pixels = locate_pixels(path, file, len(frames))
    else:
        pixels = locate_pixels(path, file, header.frames)
        if header.frames != pixels.frames:
            header = replace(header, frames=pixels.frames)
        frames = [
            Frame(
                index=index,
                header=header,
                sop=file.sop,
                number=file.number,
                position=file.position,
            )
            for index in range(pixels.frames)
        ]
    step = header.rows * header.columns * header.bits_allocated // 8
    return [
        replace(
            frame,
            offset=None
            if pixels.start is None
            else pixels.start + frame.index * step,
            defect=pixels.defect,
        )
        for frame in frames
    ]


def _enhanced_frames(path, header, sop):
    """The frames of an enhanced multi-frame image (DICOM part 3, A.36)."""
    try:
        image = read_image(path, header.syntax, stop_before_pixels=True)
        shared = image.get('SharedFunctionalGroupsSequence') or [{}]
        own = image.PerFrameFunctionalGroupsSequence
        if len(own) != (header.frames or len(own)):
            raise ValueError('groups for another number of frames')
        header = replace(header, frames=len(own))
        return [
            _enhanced_frame(
                index, _FunctionalGroups(groups, shared[0]), header, sop
            )
            for index, groups in enumerate(own)
        ]
    except DefectError:
        raise
    except Exception as error:
        # pydicom lets through whatever a damaged file provokes.
        raise DefectError(
            'UNREADABLE',
            'its header does not describe its frames '
            f'({type(error).__name__})',
        ) from None


class _FunctionalGroups:
    """The attributes of one frame: its own, then those that all share.

    Numbers that cannot be read are unknown, as in a header.
    """

    def __init__(self, own: Any, shared: Any):
        self._groups = own, shared

    def find(self, sequence, name):
        for group in self._groups:
            for item in group.get(sequence) or []:
                if item.get(name) is not None:
                    return item.get(name)
        return None

    def text(self, sequence, name):
        value = self.find(sequence, name) or ''
        return value if isinstance(value, str) else '\\'.join(map(str, value))

    def numbers(self, sequence, name, count, limit=math.inf):
        try:
            value = self.find(sequence, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                value = [value]
            numbers = tuple(map(float, value[:count]))
        except Exception:
            # pydicom lets through whatever a damaged file provokes.
            return None
        known = len(numbers) == count and all(map(math.isfinite, numbers))
        return numbers if known and max(map(abs, numbers)) <= limit else None

    def number(self, sequence, name):
        numbers = self.numbers(sequence, name, 1)
        return numbers and numbers[0]

    def integer(self, sequence, name):
        numbers = self.numbers(sequence, name, 1, MAX_INTEGER)
        return int(numbers[0]) if numbers and not numbers[0] % 1 else None

    def decisive(self, sequence, name, default):
        """A number that decides the intensities."""
        try:
            known = self.find(sequence, name) is not None
        except Exception:
            # pydicom lets through whatever a damaged file provokes.
            known = True
        number = self.number(sequence, name) if known else default
        if number is None:
            raise DefectError(
                'UNREADABLE', f'the {name} of a frame is not a number'
            )
        return number


def _enhanced_frame(index, groups, header, sop):
    content = 'FrameContentSequence'
    transformation = 'PixelValueTransformationSequence'
    kind = 'MRImageFrameTypeSequence'
    image_type = joined_type(
        groups.text(kind, 'FrameType'),
        groups.text(kind, 'ComplexImageComponent'),
    )
    return Frame(
        index=index,
        header=replace(
            header,
            image_type=image_type or header.image_type,
            orientation=groups.numbers(
                'PlaneOrientationSequence',
                'ImageOrientationPatient',
                6,
                MAX_LENGTH,
            ),
            pixel_spacing=believable_spacing(
                groups.numbers('PixelMeasuresSequence', 'PixelSpacing', 2)
            ),
            stack=groups.text(content, 'StackID'),
            temporal_position=groups.number(content, 'TemporalPositionIndex'),
            acquisition=groups.integer(content, 'FrameAcquisitionNumber'),
            echo_time=groups.number('MREchoSequence', 'EffectiveEchoTime'),
            laterality=groups.text('FrameAnatomySequence', 'FrameLaterality')
            or header.laterality,
            slope=groups.decisive(transformation, 'RescaleSlope', 0.0)
            or header.slope,
            intercept=groups.decisive(
                transformation, 'RescaleIntercept', header.intercept
            ),
        ),
        sop=f'{sop}:{index}',
        number=groups.integer(content, 'InStackPositionNumber'),
        position=groups.numbers(
            'PlanePositionSequence', 'ImagePositionPatient', 3, MAX_LENGTH
        ),
    )
