"""All networks, trained by the engine and by Theano's Python code.

``make test-slow`` starts this.
"""

from tests.engine.test_training import NETWORKS, NetworksTest


class AllNetworksTest(NetworksTest):
    def test_as_in_theano(self):
        self.check_as_in_theano(*NETWORKS)

    def test_in_bf16(self):
        self.check_in_bf16(*NETWORKS)

    def test_replayed(self):
        self.check_replayed(*NETWORKS)
