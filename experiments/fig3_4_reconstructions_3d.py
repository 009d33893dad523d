"""Figure 3.4: reconstructions of the 3D autoencoder (section 3.2).

"[...] 3 different slide depths for 3 different patients at different training
times". Draws the newest finished run of cae3d.py, or trains one first if none
is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.4', 'cae3d', __doc__, __file__))
