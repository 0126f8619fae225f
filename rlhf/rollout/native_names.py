"""Architectures whose checkpoints name or fuse tensors otherwise than vLLM's module tree does, for the readback."""

from __future__ import annotations

RENAMED = {
    "falcon_h1": (".mamba.mamba.", ".mamba."),
    "granitemoehybrid": (".block_sparse_moe.gate.", ".block_sparse_moe.router.layer."),
}
"""model_type -> (as vLLM's modules are called, as the checkpoint has it)."""

FUSED_EXPERTS = ("granitemoehybrid",)
"""Checkpoints hold a layer's experts as `input_linear` [E, 2I, H] (gates above the up projections) and `output_linear`
[E, H, I]."""


def checkpoint_name(model_type: str, name: str) -> str:
    there, here = RENAMED.get(model_type, ("", ""))
    return name.replace(there, here) if there else name
