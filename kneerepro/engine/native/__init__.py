"""Small graphs as one piece of compiled code.

An operation of PyTorch's takes microseconds, however few numbers it works on.
If a function that works on few numbers is called often, and the machine has a
C++ compiler, the engine writes the whole function in C++, for the shapes that
it is called with, and compiles it.
"""
