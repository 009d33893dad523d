"""Figure 3.6: images that the DCGAN generates (section 3.3).

"A random selection of 9 generated images was chosen at 6 training times".
Drawn from the newest finished run of dcgan.py, which is started where there
is none.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.6', 'dcgan', __doc__, __file__))
