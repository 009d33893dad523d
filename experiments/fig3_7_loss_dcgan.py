"""Figure 3.7: losses of the DCGAN (section 3.3).

Its printed caption is a copy of Figure 2.1's (E12). Drawn from the newest
finished run of dcgan.py, which is started where there is none.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.7', 'dcgan', __doc__, __file__))
