import time

import pytest
import torch

from graphgan.training import memory_errors_explained
from graphgan.training._devices import (
    best_precision,
    first_process_speaks,
    launch_fabric,
    peak_memory_bytes,
    torch_device,
)


@pytest.mark.parametrize("choose", [launch_fabric, torch_device])
@pytest.mark.parametrize("device", ["tpu", "cuda:7", "", "CPU"])
def test_an_unknown_device_is_named_with_the_known_ones(choose, device):
    with pytest.raises(ValueError, match=f"one of auto, cpu, cuda, gpu, mps; got {device}$"):
        choose(device)


@pytest.mark.parametrize("choose", [launch_fabric, torch_device])
@pytest.mark.parametrize("device", ["cuda", "gpu"])
def test_an_absent_device_is_named(monkeypatch, choose, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ValueError, match="expected a device of type cuda, but this machine has none"
    ):
        choose(device)


@pytest.mark.parametrize(
    ("present", "chosen"), [(("cuda", "mps"), "cuda"), (("mps",), "mps"), ((), "cpu")]
)
def test_auto_is_the_fastest_there_is(monkeypatch, present, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in present)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in present)
    assert torch_device("auto").type == chosen


def test_bf16_only_where_the_hardware_multiplies_in_it(monkeypatch):
    for answer, precision in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda answer=answer: answer)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation, answer=answer: answer
        )
        assert best_precision("cpu") == precision
        assert best_precision("cuda") == precision
    assert best_precision("mps") == "32-true"


@pytest.fixture
def below_torchrun(monkeypatch):
    """Sets what torchrun tells a process."""

    def tell(world_size, local_world_size):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "any")
        monkeypatch.setenv("WORLD_SIZE", str(world_size))
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(local_world_size))

    return tell


@pytest.mark.parametrize(("world_size", "devices"), [(2, 3), (4, 2), (1, 2)])
def test_another_number_of_processes_than_torchrun_started_is_refused(
    below_torchrun, world_size, devices
):
    below_torchrun(world_size, min(world_size, 2))
    wanted = f"expected --devices {world_size}, the number of processes that torchrun started, "
    with pytest.raises(ValueError, match=f"^{wanted}got {devices}$"):
        launch_fabric("cpu", devices)


def test_machines_with_unequal_numbers_of_processes_are_refused(below_torchrun):
    below_torchrun(5, 3)
    with pytest.raises(
        ValueError, match="same number of processes on every machine, got 5 in all and 3"
    ):
        launch_fabric("cpu")


@pytest.mark.parametrize(("rank", "waits"), [(None, []), ("0", []), ("1", [9.0])])
def test_all_processes_but_the_first_wait_before_they_say_why(monkeypatch, rank, waits):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    with pytest.raises(ValueError, match="why"), first_process_speaks(patience=9.0):
        raise ValueError("why")
    assert waited == waits


def test_memory_of_this_process_is_measured():
    assert 2**25 < peak_memory_bytes("cpu") < 2**40


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_too_little_memory_is_explained(error):
    with pytest.raises(ValueError, match=r"^not enough memory: take less$"):  # noqa: SIM117
        with memory_errors_explained("take less"):
            raise error
