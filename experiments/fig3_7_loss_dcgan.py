"""Figure 3.7: losses of the DCGAN (section 3.3).

The thesis prints Figure 2.1's caption below it (E12). Draws the newest
finished run of dcgan.py, or trains one first if none is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.7', 'dcgan', __doc__, __file__))
