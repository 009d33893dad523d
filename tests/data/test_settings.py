import json
import unittest
from dataclasses import replace

from kneerepro.data.convert import Options
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.selection import Selection
from kneerepro.data.settings import Settings

SETTINGS = Settings(key=b'0123456789abcdef')


class SettingsTest(unittest.TestCase):
    def test_made_from(self):
        """Every setting changes it, and it says nothing of the key."""
        changed = [
            replace(SETTINGS, **change)
            for change in [
                {},
                {'key': b'another key 0123'},
                {'options': Options(size=5)},
                {'limits': Limits(min_slices=3)},
                {'selection': Selection(None)},
                {'one_per_patient': True},
                {'identifiers': True},
            ]
        ]
        texts = [json.dumps(each.made_from('f')) for each in changed]
        texts.append(json.dumps(SETTINGS.made_from('g')))
        self.assertEqual(len(set(texts)), len(texts))
        self.assertNotIn('0123456789abcdef', texts[0])

    def test_name_of(self):
        self.assertEqual(
            SETTINGS.name_of('P'), keyed_hash(b'0123456789abcdef', 'P')
        )
        self.assertEqual(replace(SETTINGS, identifiers=True).name_of('P'), 'P')

    def test_key_is_not_shown(self):
        self.assertNotIn('0123456789abcdef', repr(SETTINGS))
