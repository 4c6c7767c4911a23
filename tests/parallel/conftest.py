"""Two processes for all tests of this folder."""

import pytest
from pair import Pair


@pytest.fixture(scope="session")
def pair():
    made = Pair()
    yield made
    made.close()
