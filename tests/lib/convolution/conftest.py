"""The lab's own run that its tests share."""

import pytest

from lib.cnn.convolution import LAB
from lib.cnn.convolution_config import ConvolutionConfig
from lib.harness.contract import Results
from tests.lib.convolution.support import SMALL
from tests.lib.support import run_study


@pytest.fixture(scope="package")
def whole() -> Results:
    """The whole lab, as small as it can be, really run."""
    return run_study(LAB, ConvolutionConfig(**SMALL))
