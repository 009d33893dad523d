"""Lets Theano be installed on Python 3.12 and 3.13.

Theano's setup.py reads its setup.cfg with names that Python 3.12 removed. With
this folder in PYTHONPATH, Python has them again.
"""

import configparser

if not hasattr(configparser, 'SafeConfigParser'):
    configparser.SafeConfigParser = configparser.ConfigParser
    configparser.ConfigParser.readfp = configparser.ConfigParser.read_file
