import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from kneerepro.measures.bootstrap import Estimate
from kneerepro.prediction import results
from kneerepro.prediction.study import LearningPoint, Result, Study
from kneerepro.prediction.target import make_target
from tests.folders import FolderTest

NAMES = 'code (a network)', 'principal components', 'plain measures', 'mean'


def study(classes=False):
    """A study of twelve volumes with made-up scores."""
    rng = np.random.RandomState(0)
    values = np.arange(12) % 2 if classes else rng.normal(80, 5, 12)
    target = make_target('width_mm', values.astype(float))
    names = (
        ('balanced accuracy', 'AUC')
        if classes
        else ('R²', 'mean absolute error')
    )
    return Study(
        target=target,
        volumes=np.arange(3, 15),
        patients=np.arange(12).astype(str),
        network=NAMES[0],
        results=[
            Result(
                name=name,
                size=size,
                predicted=(
                    np.stack([values, 1 - values], 1) if classes else values
                ),
                scores={
                    score: Estimate(value=value, low=low, high=high, n=(12,))
                    for score in names
                },
            )
            for name, size, value, low, high in zip(
                NAMES,
                (4, 4, 16, 0),
                (0.9, 0.6, 0.7, 0.0),
                (0.85, 0.5, 0.6, -0.1),
                (0.95, 0.7, 0.8, 0.1),
            )
        ],
        learning_curve=[
            LearningPoint(name, count, (0.1 * count, 0.2, 0.3))
            for count in (5, 9)
            for name in NAMES
        ],
    )


class ResultsTest(FolderTest):
    def test_table(self):
        lines = results.table(study())
        self.assertEqual(
            lines[0].split('  ')[-1].strip(), 'mean absolute error'
        )
        self.assertRegex(
            lines[1], r'^code \(a network\) +4 +0\.90 \[0\.85, 0\.95\] '
        )
        self.assertRegex(lines[4], r'^mean +0\.00 \[-0\.10, 0\.10\]')

    def test_conclusion(self):
        found = study()
        self.assertEqual(
            results.conclusion(found),
            'The network predicts width_mm best: R² 0.90 against 0.70 of '
            'plain measures.',
        )
        network, components, plain, mean = found.results
        for beginning, rows in [
            (
                'A baseline predicts width_mm better',
                [components, network, plain],
            ),
            ('The network predicts width_mm about', [plain, components, mean]),
            ('Nothing here predicts width_mm', [mean, mean]),
        ]:
            self.assertTrue(
                results.conclusion(replace(found, results=rows)).startswith(
                    beginning
                ),
                rows,
            )

    def test_chance_of_classes(self):
        found = study(classes=True)
        weak = {'balanced accuracy': Estimate(0.6, 0.45, 0.7, (12,))}
        rows = [replace(result, scores=weak) for result in found.results]
        self.assertTrue(
            results.conclusion(replace(found, results=rows)).startswith(
                'Nothing here'
            )
        )

    def test_files(self):
        for classes in False, True:
            folder = self.path(str(classes))
            found = study(classes)
            paths = results.write(found, folder, 'a footer')
            tables = [
                list(csv.reader(Path(path).read_text('utf-8').splitlines()))
                for path in paths[:3]
            ]
            scores, predictions, curve = tables
            self.assertEqual(len(scores), 1 + 4 * 2)
            self.assertEqual(scores[1][0], NAMES[0])
            self.assertEqual(float(scores[1][3]), 0.9)
            self.assertEqual(len(predictions), 13)
            self.assertEqual(float(predictions[1][2]), found.target.values[0])
            self.assertEqual(len(predictions[0]), 3 + 4 * (1 + classes))
            self.assertEqual(len(curve), 1 + 2 * 4 * 3)
            self.assertGreater(imread(paths[3])[..., 0].std(), 0.05)
