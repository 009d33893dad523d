import kneerepro  # noqa: F401, makes Theano importable for all tests
