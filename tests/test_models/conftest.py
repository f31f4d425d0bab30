"""What the tests of models share."""

import pytest
import torch


@pytest.fixture
def seeded():
    """Random numbers that are the same in every run."""
    torch.manual_seed(0)
