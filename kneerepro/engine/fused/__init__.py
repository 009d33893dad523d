"""Several Ops as one, where PyTorch has a single kernel for them.

Each module has one such Op with its meaning in NumPy, the rewrite that puts it
into a graph, and its kernel. The table in :mod:`kneerepro.engine.rewrites`
says in which order the rewrites run, and for which devices.
"""
