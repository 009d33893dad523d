import os
import shutil

from tests.commands.common import CommandTest

LOSSES = """iteration,epoch,train,test,first_ten
0,0,,0.5,
1,1,0.25,,0.375
2,1,0.125,0.0625,0.0312501
3,2,0.1,,0.011111111
"""


class RunsTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('runs')

    def rows(self):
        """The cells of the table without its heading, and the lines below."""
        stdout, stderr = self.call('runs', '--out', self.out)
        self.assertEqual(stderr, '')
        heading, *lines = stdout.splitlines()
        starts = [heading.index(word) for word in heading.split()]
        self.assertEqual(
            heading.split(),
            [
                'experiment',
                'run',
                'preset',
                'state',
                'iterations',
                'losses',
                'engine',
            ],
        )
        rows = [
            [line[i:j].strip() for i, j in zip(starts, starts[1:] + [None])]
            for line in lines
            if line.startswith(('cae', 'dc', 'wgan'))
        ]
        return rows, lines[len(rows) :]

    def age(self, run, seconds):
        os.utime(os.path.join(run, 'config.json'), (10**9 - seconds,) * 2)

    def test_no_runs(self):
        for path in self.out, self.write('a file'):
            stdout, _ = self.call('runs', '--out', path)
            self.assertEqual(stdout, f'no runs in {path}\n')
        stdout, _ = self.call('runs', '--out', self.path('\x1b[2J'))
        self.assertEqual(stdout, f'no runs in {self.folder}/\\x1b[2J\n')
        self.write('runs/datasets/x.h5')
        self.write('runs/cae3d/losses.csv')
        stdout, _ = self.call('runs', '--out', self.out)
        self.assertEqual(stdout, f'no runs in {self.out}\n')

    def test_running_finished_and_stopped(self):
        finished = self.finished_run('cae2d', iterations=7)
        self.write(os.path.join(finished, 'losses.csv'), LOSSES)
        running = self.new_run(
            'cae2d', iterations=None, epochs=20, batch_size=1
        )
        stopped = self.new_run(
            'cae2d', iterations=None, epochs=20, batch_size=1
        )
        stopped.checkpoints.save(6, {}, {})
        self.age(finished, 2)
        self.age(running.folder, 1)
        self.age(stopped.folder, 3)
        with running.locked():
            rows, below = self.rows()
        names = [
            os.path.basename(folder)
            for folder in (running.folder, finished, stopped.folder)
        ]
        self.assertEqual(
            rows,
            [
                [
                    'cae2d',
                    names[0],
                    'smoke',
                    'running',
                    '0/40',
                    '',
                    'theano, cpu',
                ],
                [
                    'cae2d',
                    names[1],
                    'smoke',
                    'finished',
                    '3/7',
                    'train 0.1, test 0.0625, first ten 0.01111',
                    'theano, cpu',
                ],
                [
                    'cae2d',
                    names[2],
                    'smoke',
                    'stopped',
                    '6/40',
                    '',
                    'theano, cpu',
                ],
            ],
        )
        self.assertEqual(below, [])

    def test_shows_bf16(self):
        run = self.finished_run('cae2d')
        for precision, shown in (
            ('float32', 'theano, cpu'),
            ('bf16', 'theano, cpu, bf16'),
        ):
            self.rewrite(run, precision=precision)
            (row,), _ = self.rows()
            self.assertEqual(row[-1], shown)

    def test_order_of_the_experiments(self):
        for name in 'wgan_gp', 'cae3d', 'dcgan':
            self.new_run(name)
        rows, _ = self.rows()
        self.assertEqual(
            [row[0] for row in rows], ['cae3d', 'dcgan', 'wgan_gp']
        )

    def test_long_loss_file_with_an_incomplete_line(self):
        run = self.new_run('dcgan', iterations=99999)
        self.write(
            os.path.join(run.folder, 'losses.csv'),
            LOSSES
            + ''.join(f'{i},2,0.75,,0.5\n' for i in range(4, 9000))
            + '9000,2,0.',
        )
        (row,), _ = self.rows()
        # The last test loss is too far from the end of the file.
        self.assertEqual(row[4:6], ['8999/99999', 'train 0.75, first ten 0.5'])
        self.write(os.path.join(run.folder, 'losses.csv'), 'iteration,ep')
        (row,), _ = self.rows()
        self.assertEqual(row[4:6], ['0/99999', ''])

    def test_damaged_runs_come_last(self):
        whole = self.finished_run('cae3d')
        spoilt = {
            'a': '{}',
            'b': '[]',
            'c': '',
            'd': '{"settings": 3}',
            'e': '{"settings": {"experiment": "cae3d", "parameters": {}, '
            '"data": {}}, "arguments": {}}',
            'f': b'\xff\0',
        }
        for name, content in spoilt.items():
            self.write(f'runs/cae3d/{name}/config.json', content)
        os.mkdir(self.path('runs', 'cae3d', 'g'))
        for name, changes in {
            'h': {'data': None},
            'i': {'parameters': 'x'},
        }.items():
            folder = self.path('runs', 'cae3d', name)
            shutil.copytree(whole, folder)
            self.rewrite(folder, **changes)
        shutil.copytree(whole, self.path('runs', 'cae3d', 'j'))
        self.write('runs/cae3d/j/losses.csv', 'iteration,epoch,x\n1,1,y\n')
        rows, below = self.rows()
        self.assertEqual(
            [row[1:4] for row in rows],
            [[os.path.basename(whole), 'smoke', 'finished']]
            + [[name, '', 'damaged'] for name in 'abcdefghij'],
        )
        self.assertEqual(len(below), 10)
        for name, line in zip('abcdefghij', below):
            self.assertIn(os.path.join('cae3d', name), line)
