"""What all of the package uses and nothing of the package is needed for:
command lines, errors, files, locks, signals, pages, progress, processes.
"""
