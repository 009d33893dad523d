"""What the thesis prints, its errata, and a comparison with the networks.

:mod:`kneerepro.thesis.tables` holds the printed tables and statements,
:mod:`kneerepro.thesis.errata` their contradictions, and
:mod:`kneerepro.thesis.compare` compares them with the networks that
:mod:`kneerepro.networks` builds.
"""

from kneerepro.thesis.tables import SLOPE, STATEMENTS, TABLES, VOLUME

__all__ = ['SLOPE', 'STATEMENTS', 'TABLES', 'VOLUME']
