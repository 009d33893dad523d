"""What the scripts in ``experiments/`` share: the session of a run, its
figures and its report.
"""
