"""The lab's own run that its tests share."""

import pytest

from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.lab import LAB
from lib.harness.contract.results import Results
from tests.lib.convolution.support import SMALL
from tests.lib.support import run_study


@pytest.fixture(scope="package")
def whole() -> Results:
    """The whole lab, as small as it can be, really run."""
    return run_study(LAB, ConvolutionConfig(**SMALL))
