"""Figure 3.9: real and generated images (section 3.4).

"[...] an illustrative comparison between 100 real and generated images at the
end of the iterations". Draws the newest finished run of wgan_gp.py, or trains
one first if none is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.9', 'wgan_gp', __doc__, __file__))
