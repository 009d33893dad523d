"""The tests mirror the code: each module has a test module of its own, or is
named here with the one that covers it.
"""

import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COVERED_BY = {
    'kneerepro/__main__.py': 'commands/test_commands.py',
    'kneerepro/commands/inputs.py': 'commands/test_encode.py',
    'kneerepro/commands/knee_size.py': 'commands/test_predict.py',
    'kneerepro/commands/inspect.py': 'commands/test_data.py',
    'kneerepro/commands/phantom.py': 'phantom/test_writer.py',
    'kneerepro/commands/prepare.py': 'commands/test_data.py',
    'kneerepro/commands/train.py': 'experiments/test_trainings.py',
    'kneerepro/engine/dispatch.py': 'engine/test_linker.py',
    'kneerepro/engine/fused/patterns.py': 'engine/fused/test_sums.py',
    'kneerepro/engine/fused/scans.py': 'engine/fused/test_loop_values.py',
    'kneerepro/engine/kernels/conv_gemm.py': 'engine/kernels/test_conv.py',
    'kneerepro/engine/kernels/loop_code.py': 'engine/kernels/test_loops.py',
    'kneerepro/engine/kernels/rare.py': 'engine/kernels/test_linalg.py',
    'kneerepro/engine/kernels/scalar_tables.py': (
        'engine/kernels/test_elemwise.py'
    ),
    'kneerepro/engine/kernels/scalars.py': 'engine/kernels/test_elemwise.py',
    'kneerepro/engine/kernels/winograd_algorithm.py': (
        'engine/kernels/test_conv_winograd.py'
    ),
    'kneerepro/engine/kernels/winograd_axis.py': (
        'engine/kernels/test_conv_winograd.py'
    ),
    'kneerepro/engine/kernels/winograd_code.py': (
        'engine/kernels/test_conv_winograd.py'
    ),
    'kneerepro/engine/kernels/winograd_panels.py': (
        'engine/kernels/test_conv_winograd.py'
    ),
    'kneerepro/engine/optimizer.py': 'engine/test_rewrites.py',
    'kneerepro/engine/program.py': 'engine/test_source.py',
    'kneerepro/engine/runner.py': 'engine/test_linker.py',
    'kneerepro/engine/user_lines.py': 'engine/test_errors.py',
    'kneerepro/engine/values.py': 'engine/test_containers.py',
    'kneerepro/experiment/arguments.py': 'experiments/test_arguments.py',
    'kneerepro/experiment/captions.py': 'thesis/test_tables.py',
    'kneerepro/experiment/dataset_figures.py': (
        'experiments/test_dataset_figures.py'
    ),
    'kneerepro/experiment/datasets.py': 'experiments/test_dataset_figures.py',
    'kneerepro/experiment/figures.py': 'experiments/test_trainings.py',
    'kneerepro/experiment/redraw.py': 'experiments/test_arguments.py',
    'kneerepro/experiment/session.py': 'experiments/test_trainings.py',
    'kneerepro/networks/common.py': 'networks/test_cae.py',
    'kneerepro/trainings/cae2d.py': 'experiments/test_trainings.py',
    'kneerepro/trainings/cae3d.py': 'experiments/test_trainings.py',
    'kneerepro/trainings/dcgan.py': 'experiments/test_trainings.py',
    'kneerepro/trainings/dcgan3d.py': 'experiments/test_gans3d.py',
    'kneerepro/trainings/wgan_gp.py': 'experiments/test_trainings.py',
    'kneerepro/trainings/wgan_gp3d.py': 'experiments/test_gans3d.py',
    'kneerepro/utils/errors.py': 'utils/test_cli.py',
    'layers/base.py': 'layers/test_conv.py',
}


class MirrorTest(unittest.TestCase):
    def test_each_module_has_its_tests(self):
        modules = [
            path.relative_to(ROOT)
            for package in ('kneerepro', 'layers')
            for path in (ROOT / package).rglob('*.py')
            if path.name != '__init__.py'
        ]
        without = set()
        for module in modules:
            parts = module.parts[module.parts[0] == 'kneerepro' :]
            mirrored = ROOT.joinpath('tests', *parts)
            if not mirrored.with_name(f'test_{module.name}').exists():
                without.add(module.as_posix())
        self.assertEqual(without, set(COVERED_BY))
        for path in COVERED_BY.values():
            self.assertTrue((ROOT / 'tests' / path).exists(), path)
