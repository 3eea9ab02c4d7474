"""What several tests of drivers use."""

import pytest

from .jobs import SMALL, deliver
from .rtl import Rtl


@pytest.fixture(scope="session")
def array(tmp_path_factory):
    """Return the drivers of the small array in C and Python, and its simulation."""
    folder = tmp_path_factory.mktemp("array")
    delivered, driver, module = deliver(folder, "bfp_array", SMALL, "my_array")
    return driver, module, Rtl(folder, delivered.design)
