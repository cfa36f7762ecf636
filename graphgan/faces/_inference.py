"""In which precision the networks of this room run."""

import torch


def inference_dtype(device: str) -> torch.dtype:
    """bf16 where a processor multiplies in it, half precision on GPUs, else 32 bits."""
    if torch.device(device).type == "cuda":
        return torch.float16
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    if torch.device(device).type == "cpu" and any(
        getattr(torch.cpu, name, lambda: False)() for name in asked
    ):
        return torch.bfloat16
    return torch.float32
