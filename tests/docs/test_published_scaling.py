import json

from tests.docs.common import PublishTest

OVERHEAD = {
    'revision': 'abc',
    'machine': 'a processor\na PyTorch',
    'rows': [
        {
            'network': 'cae2d',
            'batch_size': 128,
            'calls': 3,
            'bytes': 2**20,
            '1': {'steps': [1, 2, 4], 'memory': 2**30},
            '2': {'steps': [3, 3, 3], 'memory': 2**29},
        }
    ],
}
ESTIMATE = {'seconds': 0.0123, 'waiting': 0.5, 'efficiency': 0.25}
COST = {
    'revision': 'abc',
    'machine': 'a processor',
    'counted': [
        {
            'network': 'dcgan',
            'trained': trained,
            'least': 2**20,
            'sent': 2**21,
            'waited': 5,
            'last': 2,
            'flops': 3e9,
            'operations': 77,
        }
        for trained in ('', 'generator')
    ],
    'estimated': [
        {'network': 'cae3d', 'gpus': 1, 'divided': ESTIMATE},
        {
            'network': 'cae3d',
            'gpus': 64,
            'multiplied': ESTIMATE,
            'noticed up to': 7,
        },
    ],
}


def rows_of(text):
    """The cells of the last table."""
    rows = text.split('   * - ')[1:]
    return [
        [cell.strip() for cell in row.strip().split('\n     -')]
        for row in rows
    ]


class ScalingTest(PublishTest):
    def published(self, flag, content, *names):
        path = self.write('measured.json', json.dumps(content))
        self.publish('--no-runs', flag, path)
        # Without new measurements, the published ones stay.
        self.publish('--no-runs')
        return [self.read(f'{name}.inc').decode() for name in names]

    def test_overhead(self):
        (text,) = self.published(
            '--distributed-overhead', OVERHEAD, 'distributed_overhead'
        )
        self.assertIn('| a PyTorch', text)
        self.assertEqual(
            rows_of(text)[1],
            [
                '2D autoencoder',
                '128',
                '2 s (1 to 4)',
                '3 s (3 to 3)',
                '1.50',
                '3',
                '1.0',
                '1.00 GiB',
                '0.50 GiB',
            ],
        )

    def test_cost(self):
        counts, cost = self.published(
            '--distributed-cost',
            COST,
            'distributed_counts',
            'distributed_cost',
        )
        self.assertEqual(
            rows_of(counts)[1:],
            [
                [name, '1.00', '2.00', '5 + 2', '3.00', '77']
                for name in ('DCGAN', 'DCGAN, generator')
            ],
        )
        known, unknown = ['12.3', '50%', '25%'], [r'\-'] * 3
        self.assertEqual(
            rows_of(cost)[1:],
            [
                ['3D autoencoder', '1', *known, *unknown, r'\-'],
                ['3D autoencoder', '64', *unknown, *known, '7'],
            ],
        )

    def test_not_measured_yet(self):
        self.publish('--no-runs')
        for name in 'overhead', 'counts', 'cost':
            text = self.read(f'distributed_{name}.inc').decode()
            self.assertIn('Not measured yet', text)
