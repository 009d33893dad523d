"""Runs of experiments: what they keep on disk, and how they train."""

from kneerepro.runs.run import Run, create, find

__all__ = ['Run', 'create', 'find']
