"""What the thesis prints, its errata, and both beside what is built."""

from kneerepro.thesis.tables import SLOPE, STATEMENTS, TABLES, VOLUME

__all__ = ['SLOPE', 'STATEMENTS', 'TABLES', 'VOLUME']
