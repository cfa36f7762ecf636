import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Detectors of these tests tell frames by the order of their calls."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
