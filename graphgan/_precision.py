"""Which precisions a machine computes fast in."""

import torch


def multiplies_in_bf16() -> bool:
    """Whether the processor has bf16 products, of matrices (AMX) or of vectors (AVX-512).

    Torch tells only in private, so it may not.
    """
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in asked)


def inference_dtype(device: str) -> torch.dtype:
    """Of a network that only runs: bf16 on processors that multiply in it, 16 bits on GPUs."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.float16
    return torch.bfloat16 if kind == "cpu" and multiplies_in_bf16() else torch.float32
