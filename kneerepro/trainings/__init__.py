"""The trainings of the thesis, one module each, in the words of its sections,
and two that go beyond it.

Each has a function ``train``, which takes an
:class:`~kneerepro.experiment.session.Experiment`. ``kneerepro train`` and the
scripts of that name in ``experiments/`` call it.
"""
