"""What gpu_check.py would find if every check passed."""


def results():
    """The content of the JSON file, with two of the networks timed."""
    equal = {
        'agrees': True,
        'steps': 1e-15,
        'jumps': 0,
        'losses': 1e-15,
        'outputs': 1e-15,
        'parameters': 1e-12,
    }
    rows = [
        {
            'network': network,
            'engine': engine,
            'batch_size': 4,
            'compiling': 1.0,
            'first': 1.0,
            'steps': [seconds] * 3,
            'memory': memory,
        }
        for network in ('cae2d', 'unet3d')
        for engine, seconds, memory in (
            ('torch', 0.01, 1.05),
            ('native', 0.011, 1.0),
        )
    ]
    runs = [
        {
            'network': network,
            'compiling': 5.0,
            'epochs': [2.0, 1.0],
            'iterations': 21700,
            'whole': False,
            'seconds': seconds,
        }
        for network, seconds in (
            ('cae2d', 150.0),
            ('cae3d', 500.0),
            ('dcgan', 200.0),
            ('wgan_gp', 300.0),
        )
    ]
    found = {
        'equality': [
            {'network': 'cae2d', 'dtype': dtype, 'graphs': True, **equal}
            for dtype in ('float64', 'float32')
        ],
        'tests': [
            {
                'name': 'tests.a',
                'ran': 5,
                'failed': [],
                'skipped': {'no CUDA': 2},
            },
            {'name': 'tests.b', 'lacks': 'hypothesis'},
        ],
        'table': rows,
        'run': runs,
    }
    about = {
        'machine': 'a GPU',
        'host': 'a CPU',
        'revision': None,
        'time': 'now',
        'seconds': 1.0,
    }
    return {name: {**about, 'results': part} for name, part in found.items()}
