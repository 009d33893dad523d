import os

import numpy as np

from kneerepro.data.dataset import new_dataset
from kneerepro.data.npy import npy_path, write_npy
from tests.folders import FolderTest
from tests.subprocesses import run_python

VOLUMES = np.random.RandomState(1).rand(3, 1, 2, 30, 4).astype('float32')


class NpyTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('v.h5')
        with new_dataset(self.out, VOLUMES.shape[2:]) as writer:
            for volume in VOLUMES:
                writer.append(volume[0], 'A')

    def test_path(self):
        self.assertEqual(npy_path('a.b/v.h5'), 'a.b/v.npy')

    def test_volumes(self):
        write_npy(self.out)
        written = np.load(self.path('v.npy'))
        self.assertEqual(written.dtype, 'float32')
        np.testing.assert_array_equal(written, VOLUMES)

    def test_full_disk(self):
        self.write('v.npy', b'as before')
        # In its own process, because HDF5 would crash this one at its exit.
        done = run_python(
            """
import os, resource, signal, sys
from kneerepro.data.npy import write_npy
from kneerepro.utils.errors import UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
try:
    write_npy(sys.argv[1])
except UserError as error:
    print(error, flush=True)
os._exit(0)
""",
            '-W',
            'ignore',
            arguments=[self.out],
        )
        self.assertRegex(
            done.stdout,
            '^cannot write .*v.npy: File too large\n$',
            done.stderr,
        )
        self.assertEqual(self.read('v.npy'), b'as before')
        self.assertEqual(sorted(os.listdir(self.folder)), ['v.h5', 'v.npy'])
