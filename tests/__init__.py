import kneerepro  # noqa: makes Theano importable, before any test imports it
