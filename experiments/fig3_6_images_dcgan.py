"""Figure 3.6: images that the DCGAN generates (section 3.3).

"A random selection of 9 generated images was chosen at 6 training times".
Draws the newest finished run of dcgan.py, or trains one first if none is
finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.6', 'dcgan', __doc__, __file__))
