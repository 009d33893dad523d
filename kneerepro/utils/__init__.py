"""Helpers that do not depend on the rest of the package: command lines,
errors, files, locks, signals, HTML pages, progress bars and worker processes.
"""
