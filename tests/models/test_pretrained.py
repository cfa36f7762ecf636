import pytest
import torch
from torch import nn

from graphgan.models import Pretrained
from graphgan.models._pretrained import check_savable
from graphgan.weights._finding import WEIGHTS


class Tint(Pretrained):
    """As a user writes one."""

    def __init__(self, channels=3, config=...):
        super().__init__()
        if config is not None:
            self.config = {"channels": channels} if config is ... else config
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, image):
        return self.conv(image)


def test_a_network_comes_back_from_a_file_and_from_a_run(tmp_path):
    tint, image = Tint(4), torch.randn(1, 4, 2, 2)
    checkpoint = tmp_path / "checkpoints" / "step-000002"
    checkpoint.mkdir(parents=True)
    tint.save_pretrained(checkpoint / WEIGHTS)
    for source in (tmp_path, str(tmp_path), checkpoint / WEIGHTS):
        again = Tint.from_pretrained(source, device="cpu")
        assert again.config == {"channels": 4} and not again.training
        assert torch.equal(again(image), tint(image))


def test_it_comes_to_the_device_that_is_asked_for(tmp_path):
    Tint().save_pretrained(tmp_path / WEIGHTS)
    assert Tint.from_pretrained(tmp_path, device="meta").conv.weight.is_meta
    with pytest.raises(ValueError, match="expected a device of this machine, got nonsense"):
        Tint.from_pretrained(tmp_path, device="nonsense")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Conv2d(3, 3, 1), "Conv2d has none .* subclass graphgan.models.Pretrained"),
        (Tint(config=None), "expected self.config of Tint to hold the arguments.*, got None"),
        (Tint(config={"channels": torch.ones(1)}), "equal one: .* not JSON serializable"),
        (Tint(config={"chanels": 3}), "equal one: .*unexpected keyword argument 'chanels'"),
        (Tint(4, config={"channels": 3}), r"conv.weight \(4, 4, 1, 1\) for \(3, 3, 1, 1\)"),
    ],
)
def test_what_could_not_be_opened_again_is_refused(network, message):
    with pytest.raises(ValueError, match=message):
        check_savable(network)
