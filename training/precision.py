"""Whether this machine computes in bfloat16. Where it only emulates it, fp32 is far quicker."""

from __future__ import annotations

import torch


def bf16_here(*, wanted: bool) -> tuple[bool, str]:
    """Returns whether to autocast to bf16, and what is to be said if the wish isn't granted."""
    if not wanted:
        return False, ""
    if torch.cuda.is_available():
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return True, ""
        return False, "This GPU doesn't compute in bf16: training in fp32 (hyper.bf16)"
    capable = torch.cpu.get_capabilities()
    if any(capable.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")):
        return True, ""
    return False, (
        "This CPU has no bf16 instructions and would be some ten times slower emulating them: "
        "training in fp32 (hyper.bf16)"
    )
