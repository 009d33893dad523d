import unittest
from dataclasses import replace

from kneerepro.data.reading.checks import Limits, find_defect
from kneerepro.data.reading.parts import split_copies, split_series
from tests.data.series import make_slices, shuffled

LIMITS = Limits(min_slices=16, min_coverage=0.0)
PHASE = 'ORIGINAL\\PRIMARY\\P\\ND'
MAGNITUDE = 'ORIGINAL\\PRIMARY\\M\\ND'


def volume(name, shift=0.0, count=20, **changes):
    """Slices with names of their own, moved along their normal in mm."""
    return [
        replace(
            image,
            path=f'{name}-{image.path}',
            sop=f'{name}.{image.sop}',
            position=(image.position[0] - shift, *image.position[1:]),
        )
        for image in make_slices(count, **changes)
    ]


def changed(slices, numbers, **changes):
    """The slices, some of which have other headers."""
    return [
        replace(image, header=replace(image.header, **changes))
        if i in numbers
        else image
        for i, image in enumerate(slices)
    ]


class CopiesTest(unittest.TestCase):
    def test_copy_of_all(self):
        slices = make_slices()
        again = [replace(image, path='copy/' + image.path) for image in slices]
        self.assertEqual(split_copies(slices + again), [slices, again])

    def test_copy_of_some(self):
        slices = make_slices()
        again = replace(slices[3], path='copy')
        self.assertEqual(split_copies(slices + [again]), [slices, [again]])

    def test_no_copies(self):
        slices = make_slices(4)
        moved = replace(slices[1], position=(7.0, 7.0, 7.0))
        nameless = [replace(image, sop='') for image in slices + slices]
        for members in [slices, slices + [moved], nameless]:
            self.assertEqual(split_copies(members), [members])


class SplitTest(unittest.TestCase):
    def split(self, *groups, limits=LIMITS):
        """The parts that are good, and the codes of the others."""
        slices = shuffled([image for group in groups for image in group])
        parts = {}
        for series in split_series('1.2', slices, limits):
            self.assertEqual(series.uid, '1.2')
            self.assertNotIn(series.part, parts)
            defect = find_defect(series, limits)
            parts[series.part] = defect.code if defect else series.slices
        return parts

    def assert_whole(self, slices):
        self.assertEqual(
            self.split(slices),
            {'': sorted(slices, key=lambda image: -image.position[0])},
        )

    def assert_refused(self, code, *groups, **kwargs):
        self.assertEqual(self.split(*groups, **kwargs), {'': code})

    def assert_split(self, name, *groups):
        self.assertEqual(
            self.split(*groups),
            {f'{name} {i}': group for i, group in enumerate(groups, 1)},
        )


class ValuesTest(SplitTest):
    """One volume is not split because a value is written in two ways."""

    def test_one_part(self):
        self.assert_whole(volume('a'))

    def test_rounded_numbers(self):
        every_other = range(0, 40, 2)
        for changes in [
            dict(echo_time=30.001),
            dict(echo_time=30.04),
            dict(orientation=(0.001, 1.0, 0, -0.0, 0, -1)),
            dict(orientation=(1e-7, 1.0, 0, 0, 0, -1)),
            dict(pixel_spacing=(0.50001, 0.25)),
        ]:
            slices = volume('a', count=40, echo_time=30.0)
            self.assert_whole(changed(slices, every_other, **changes))

    def test_absent_values(self):
        slices = volume(
            'a',
            count=40,
            echo_time=4.7,
            stack='1',
            temporal_position=1.0,
            acquisition=3,
            laterality='L',
            image_type=MAGNITUDE,
        )
        for numbers in [7], [0], [39], [3, 4, 5, 20], range(0, 40, 2):
            for absent in [
                dict(echo_time=None),
                dict(stack=''),
                dict(temporal_position=None),
                dict(acquisition=None),
                dict(laterality=''),
                dict(image_type=''),
                dict(pixel_spacing=None),
                dict(patient='', study='', frame_of_reference=''),
            ]:
                self.assert_whole(changed(slices, numbers, **absent))

    def test_values_that_say_nothing(self):
        slices = volume('a', count=40, image_type=MAGNITUDE + '\\NORM')
        every_other = range(0, 40, 2)
        for changes in [
            dict(image_type=MAGNITUDE),
            dict(image_type=MAGNITUDE + '\\DIS2D'),
            dict(acquisition=2),
        ]:
            self.assert_whole(changed(slices, every_other, **changes))
            self.assert_whole(changed(slices, range(20), **changes))

    def test_values_of_each_slice(self):
        for field in 'acquisition', 'echo_number', 'temporal_position':
            self.assert_whole(
                [
                    replace(
                        image, header=replace(image.header, **{field: i + 1})
                    )
                    for i, image in enumerate(volume('a'))
                ]
            )

    def test_instance_numbers(self):
        self.assert_whole(
            [replace(image, number=None) for image in volume('a')]
        )


class VolumesTest(SplitTest):
    def test_two_of_each(self):
        for name, field, values in [
            ('echo', 'echo_time', (7.5, 42.5)),
            ('echo', 'echo_time', (4.7, 5.0)),
            ('echo', 'echo_time', (4.7, None)),
            ('echo', 'echo_number', (1, 2)),
            ('stack', 'stack', ('9', '10')),
            ('time', 'temporal_position', (2.0, 10.0)),
            ('acquisition', 'acquisition', (2, 10)),
            ('type', 'image_type', ('A\\B', 'A\\B\\NORM')),
            ('side', 'laterality', ('L', 'R')),
            ('side', 'description', ('LEFT knee', 'RIGHT knee')),
        ]:
            with self.subTest(field, values=values):
                self.assert_split(
                    name,
                    *(volume(value, **{field: value}) for value in values),
                )

    def test_stacks_of_echoes(self):
        groups = [
            volume(stack + str(echo), stack=stack, echo_time=echo)
            for stack in '12'
            for echo in (9.0, 10.0)
        ]
        self.assertEqual(
            self.split(*groups),
            {
                'stack 1 echo 1': groups[0],
                'stack 1 echo 2': groups[1],
                'stack 2 echo 1': groups[2],
                'stack 2 echo 2': groups[3],
            },
        )

    def test_orientations(self):
        across = volume('b', orientation=(1.0, 0, 0, 0, 1, 0))
        across = [
            replace(image, position=(0.0, 0.0, image.position[0]))
            for image in across
        ]
        self.assertEqual(
            set(self.split(volume('a'), across)),
            {'orientation 1', 'orientation 2'},
        )
        # Too few for a stack: the check on mixed orientations finds them.
        self.assert_refused('MIXED_ORIENTATIONS', volume('a'), across[:15])

    def test_phase(self):
        for image_type in MAGNITUDE, 'ORIGINAL\\PRIMARY', '':
            magnitude = volume('m', image_type=image_type)
            parts = self.split(magnitude, volume('p', image_type=PHASE))
            self.assertEqual(
                sorted(parts.values(), key=str),
                ['NOT_MAGNITUDE', magnitude],
            )
        self.assertEqual(
            list(
                self.split(
                    volume('p', image_type=PHASE),
                    volume('m', image_type=MAGNITUDE),
                )
            ),
            ['component 1', 'component 2'],
        )

    def test_times_of_echoes_by_acquisition(self):
        groups = [
            volume(f'{echo}{time}', echo_time=echo, acquisition=time)
            for echo in (5.0, 10.0)
            for time in (1, 2)
        ]
        self.assertEqual(
            list(self.split(*groups).values()),
            groups,
        )

    def test_interleaved_acquisitions(self):
        """Odd and even slices that were acquired one after the other."""
        odd = volume('a', acquisition=1)
        even = volume('b', shift=0.75, acquisition=2)
        self.assert_whole(odd + even)

    def test_two_knees(self):
        left = volume('l', shift=-150, step=3.0, count=32)
        right = volume('r', shift=40, step=3.0, count=32)
        self.assert_split('side', left, right)

    def test_incomplete_groups(self):
        # Acquisitions of the odd and of the even slices, at two times.
        slices = volume('a', count=40), volume('b', count=40)
        halves = [
            changed(
                changed(both, range(0, 40, 2), acquisition=2 * time),
                range(1, 40, 2),
                acquisition=2 * time + 1,
            )
            for time, both in enumerate(slices)
        ]
        self.assert_refused('DUPLICATE_SLICES', *halves)
        self.assert_refused(
            'DUPLICATE_SLICES',
            volume('a', acquisition=1),
            volume('b', acquisition=2)[:10],
        )

    def test_same_in_all(self):
        self.assert_refused('DUPLICATE_SLICES', volume('a'), volume('b'))


class AbsentTest(SplitTest):
    """Slices without the value that tells two volumes apart."""

    def test_gaps_tell(self):
        for name, field, values in [
            ('echo', 'echo_time', (5.0, 10.0)),
            ('stack', 'stack', ('1', '2')),
            ('time', 'temporal_position', (1.0, 2.0)),
            ('acquisition', 'acquisition', (1, 2)),
            ('side', 'laterality', ('L', 'R')),
            ('patient', 'patient', ('P', 'Q')),
            ('study', 'study', ('1.1', '1.2')),
            ('frame', 'frame_of_reference', ('1.1', '1.2')),
        ]:
            absent = None if isinstance(values[0], (int, float)) else ''
            first, second = (
                volume(value, **{field: value}) for value in values
            )
            with self.subTest(field):
                self.assert_split(
                    name,
                    changed(first, [0, 7, 8], **{field: absent}),
                    changed(second, [3, 19], **{field: absent}),
                )

    def test_both_have_a_gap(self):
        first = changed(volume('a', echo_time=5.0), [7], echo_time=None)
        second = changed(volume('b', echo_time=10.0), [7], echo_time=None)
        self.assert_refused('AMBIGUOUS_SLICES', first, second)
        # Other elements may tell.
        self.assert_split(
            'echo',
            changed(first, range(20), echo_number=1),
            changed(second, range(20), echo_number=2),
        )

    def test_no_gap(self):
        echoes = volume('a', echo_time=5.0), volume('b', echo_time=10.0)
        self.assert_refused('AMBIGUOUS_SLICES', *echoes, volume('c', count=1))
        # Enough for a volume of their own.
        self.assert_split('echo', *echoes, volume('c'))

    def test_between_two_slabs(self):
        first = volume('a', patient='P')
        second = volume('b', shift=30, patient='Q')
        for numbers in [0], [0, 1]:
            self.assert_refused(
                'MIXED_PATIENTS',
                first,
                changed(second, numbers, patient=''),
            )
        self.assert_split(
            'patient', first, changed(second, [3, 19], patient='')
        )

    def test_no_positions(self):
        first = changed(volume('a', echo_time=5.0), [7], echo_time=None)
        first[7] = replace(first[7], position=None)
        self.assert_refused(
            'AMBIGUOUS_SLICES', first, volume('b', echo_time=10.0)
        )

    def test_of_an_acquisition(self):
        # Nothing needs to be separated.
        slices = changed(volume('a', acquisition=1), range(10), acquisition=2)
        self.assert_whole(changed(slices, [9, 10], acquisition=None))


class IdentityTest(SplitTest):
    """One volume, one person, one visit."""

    FIELDS = [
        ('patient', 'patient', ('P', 'Q'), 'MIXED_PATIENTS'),
        ('patient', 'patient', ('P1', 'p1'), 'MIXED_PATIENTS'),
        ('study', 'study', ('1.1', '1.2'), 'MIXED_STUDIES'),
        ('frame', 'frame_of_reference', ('1.1', '1.2'), 'MIXED_FRAMES'),
    ]

    def test_two(self):
        for name, field, values, _ in self.FIELDS:
            for shift in [
                0.0,  # at the same positions
                0.75,  # half a slice apart
                30.0,  # one slab behind the other
                31.0,
                300.0,
            ]:
                with self.subTest(field, shift=shift):
                    first, second = (
                        volume(value, i * shift, **{field: value})
                        for i, value in enumerate(values)
                    )
                    self.assert_split(name, first, second)

    def test_not_each_a_volume(self):
        for _, field, values, code in self.FIELDS:
            slices = volume('a', count=40, **{field: values[0]})
            for numbers in [7], [0], range(0, 40, 2), range(25, 40):
                mixed = changed(slices, numbers, **{field: values[1]})
                self.assert_refused(
                    code, mixed, limits=replace(LIMITS, min_slices=21)
                )
        # A volume of one, and a slice of another behind it.
        self.assert_refused(
            'MIXED_PATIENTS',
            volume('a', patient='P'),
            volume('b', 30.0, count=1, patient='Q'),
        )

    def test_each_slice_its_own(self):
        slices = [
            replace(
                image, header=replace(image.header, frame_of_reference=str(i))
            )
            for i, image in enumerate(volume('a'))
        ]
        self.assert_refused('MIXED_FRAMES', slices)

    def test_the_same_uids(self):
        """Other people's images are no copies, whatever their UIDs."""
        self.assert_split(
            'patient', volume('a', patient='P'), volume('a', patient='Q')
        )

    def test_copy_without_name(self):
        slices = volume('a', patient='P')
        again = [
            replace(image, path='copy/' + image.path)
            for image in volume('a', patient='')
        ]
        series, copy = split_series('1.2', slices + again, LIMITS)
        self.assertIsNone(series.defect)
        self.assertEqual(copy.defect.code, 'DUPLICATE_SERIES')
        self.assertIn('20 images', copy.defect.message)

    def test_volumes_of_two(self):
        groups = [
            volume(
                f'{patient}{image_type}',
                patient=patient,
                image_type=image_type,
            )
            for patient in 'PQ'
            for image_type in (MAGNITUDE, PHASE)
        ]
        self.assertEqual(
            self.split(*groups),
            {
                'patient 1 component 1': groups[0],
                'patient 1 component 2': 'NOT_MAGNITUDE',
                'patient 2 component 1': groups[2],
                'patient 2 component 2': 'NOT_MAGNITUDE',
            },
        )

    def test_visits_of_two(self):
        groups = [
            volume(patient + study, patient=patient, study=study)
            for patient, study in ['P1', 'P2', 'Q3']
        ]
        self.assertEqual(
            self.split(*groups),
            {
                'patient 1 study 1': groups[0],
                'patient 1 study 2': groups[1],
                'patient 2': groups[2],
            },
        )

    def test_another_element_tells(self):
        first = volume('a', patient='P', study='1.1')
        second = volume('b', patient='Q', study='1.2')
        self.assert_split(
            'patient',
            changed(first, [5], patient=''),
            changed(second, [5], patient=''),
        )

    def test_messages(self):
        (series,) = split_series(
            '1.2', changed(volume('a', patient='P'), [3], patient='Q'), LIMITS
        )
        self.assertEqual(
            series.defect.message,
            'its slices have 2 values of PatientID, and not each of them '
            'makes a volume',
        )
        self.assertEqual(len(series), 20)
        (series,) = split_series(
            '1.2',
            volume('a', patient='P')
            + volume('b', patient='Q')
            + volume('c', count=2),
            LIMITS,
        )
        self.assertEqual(
            series.defect.message,
            '2 of its slices lack PatientID, and their positions do not tell '
            'where they belong',
        )
