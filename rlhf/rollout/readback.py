"""Checksums of the tensors that a vLLM worker computes with, under their checkpoint names.

On the CPU vLLM keeps the weights of a linear layer only inside a packed oneDNN handle, and those of experts in
a packed layout. Both are read back: a handle by multiplying it with the identity (1 w + 0 + ... is exact in
every dtype), a packed layout by packing numbered elements once and undoing that permutation. Widened layers
(wide_products.py) hold theirs in the open. On a GPU the parameters are read as they are.

With tensor parallelism each rank reports the checksum of its piece at its place in the whole; the pieces add
up. Tensors that every rank holds in full are reported by the first rank alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from vllm.distributed import get_tensor_model_parallel_rank, get_tensor_model_parallel_world_size
from vllm.model_executor.layers.linear import (
    ColumnParallelLinear,
    LinearBase,
    MergedColumnParallelLinear,
    QKVParallelLinear,
    RowParallelLinear,
)
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding

from rlhf.publication import HELD_OTHERWISE, checksum
from rlhf.rollout.native_names import FUSED_EXPERTS, checkpoint_name
from rlhf.rollout.wide_products import narrow_weight

_PROBE_ROWS = 512
Piece = tuple[str, int]


class UnreadableLayerError(RuntimeError):
    """The engine holds a layer in a form that cannot be read back, so its weights cannot be proven."""


def worker_checksums(model: nn.Module, tied_embeddings: bool, model_type: str = "") -> dict[str, list[int]]:
    """Checkpoint name -> checksums of what this worker holds, one per place where it is held."""
    packed = getattr(model, "packed_modules_mapping", {})
    projections = output_projections(model)
    held: dict[str, list[int]] = {}
    for path, layer in model.named_modules():
        if isinstance(layer, VocabParallelEmbedding):
            pieces = _embedding(path, layer, tied_embeddings, layer in projections)
        elif model_type in FUSED_EXPERTS and hasattr(layer, "w13_weight"):
            pieces = _fused_experts(path, layer)
        else:
            pieces = _layer_pieces(path, layer, packed)
        for name, value in pieces:
            held.setdefault(checkpoint_name(model_type, name), []).append(value)
    return held


def output_projections(model: nn.Module) -> list[nn.Module]:
    """The layers that logits are computed with: `lm_head`, which may be the embedding itself.

    vLLM on the CPU packs a multiplication handle for the embedding too, which nothing multiplies with.
    """
    named = model.named_modules(remove_duplicate=False)
    return [layer for path, layer in named if path.rpartition(".")[2] == "lm_head"]


def _layer_pieces(path: str, layer: nn.Module, packed: dict[str, list[str]]) -> Iterator[Piece]:
    if hasattr(layer, "w13_weight"):
        yield from _experts(path, layer)
    elif isinstance(layer, LinearBase):
        yield from _linear(path, layer, packed)
    else:
        for name, value in layer.named_parameters(recurse=False):
            if _first_rank():
                yield from _parameter(path, name, value)


def _parameter(path: str, name: str, value: Tensor) -> Iterator[Piece]:
    if name == "A":  # of Mamba: -exp(A_log), which no checksum of A_log can be compared with
        yield f"{path}.A_log", HELD_OTHERWISE
    else:
        yield f"{path}.{name}", checksum(value)


def _embedding(path: str, layer: VocabParallelEmbedding, tied: bool, projects: bool) -> Iterator[Piece]:
    """The table, and where the layer is also (or only) the output projection, what that multiplies with."""
    name = "model.embed_tokens.weight" if tied else f"{path}.weight"
    start = layer.shard_indices.org_vocab_start_index
    count = layer.shard_indices.num_org_elements
    yield name, checksum(layer.weight[:count], row=start)
    if projects and (narrow := narrow_weight(layer)) is not None:
        yield name, checksum(narrow[:count], row=start)
    elif projects and callable(getattr(layer, "cpu_linear", None)):
        yield name, _probe(layer, layer.weight.shape[1], [(0, count, start)], 0)[0]


def _linear(path: str, layer: LinearBase, packed: dict[str, list[str]]) -> Iterator[Piece]:
    parent, _, leaf = path.rpartition(".")
    names = packed.get(leaf, [leaf])
    rank = get_tensor_model_parallel_rank()
    sharded = isinstance(layer, ColumnParallelLinear | RowParallelLinear) and _world() > 1
    if not sharded and not _first_rank():
        return
    column = rank * layer.input_size_per_partition if isinstance(layer, RowParallelLinear) else 0
    slices = _row_slices(layer, len(names), rank)
    sums = _matrix_sums(path, layer, slices, column)
    bias = getattr(layer, "bias", None)
    for name, value, (start, count, at) in zip(names, sums, slices, strict=True):
        if count == 0:
            continue
        yield f"{parent}.{name}.weight", value
        if bias is not None and (not isinstance(layer, RowParallelLinear) or _first_rank()):
            yield f"{parent}.{name}.bias", checksum(bias[start : start + count], column=at)


def _row_slices(layer: LinearBase, parts: int, rank: int) -> list[tuple[int, int, int]]:
    """(first row here, rows, first row in the checkpoint's tensor) of each fused part."""
    if isinstance(layer, QKVParallelLinear):
        q = layer.num_heads * layer.head_size
        kv = layer.num_kv_heads * layer.head_size
        replica, kv_rank = rank % layer.num_kv_head_replicas, rank // layer.num_kv_head_replicas
        kv_count = kv if replica == 0 else 0
        return [(0, q, rank * q), (q, kv_count, kv_rank * kv), (q + kv, kv_count, kv_rank * kv)]
    if isinstance(layer, MergedColumnParallelLinear):
        if parts == 1 and _world() == 1:  # a checkpoint that fuses them too, as Mamba's `in_proj`
            return [(0, layer.output_size, 0)]
        slices, start = [], 0
        for size in layer.output_partition_sizes:
            slices.append((start, size, rank * size))
            start += size
        return slices
    if isinstance(layer, ColumnParallelLinear):
        size = layer.output_size_per_partition
        return [(0, size, rank * size)]
    if parts != 1:
        raise UnreadableLayerError(f"{type(layer).__name__} fuses {parts} tensors in a way that is not known")
    return [(0, layer.output_size, 0)]


def _matrix_sums(path: str, layer: LinearBase, slices: list[tuple[int, int, int]], column: int) -> list[int]:
    weight = narrow_weight(layer)
    if weight is None:
        weight = layer.weight
    if weight.numel():
        return [checksum(weight[start : start + n], row=at, column=column) for start, n, at in slices]
    if not callable(getattr(layer, "cpu_linear", None)):
        raise UnreadableLayerError(f"{path} holds its weight in a form that cannot be read back")
    inputs = layer.input_size_per_partition if isinstance(layer, RowParallelLinear) else layer.input_size
    return _probe(layer, inputs, slices, column)


def _probe(layer: nn.Module, inputs: int, slices: list[tuple[int, int, int]], column: int) -> list[int]:
    """Checksums of the rows of the matrix that the layer's kernel multiplies with, a few columns at a time."""
    totals = [0] * len(slices)
    for start in range(0, inputs, _PROBE_ROWS):
        rows = min(_PROBE_ROWS, inputs - start)
        identity = torch.zeros(rows, inputs, dtype=layer.weight.dtype)
        identity[torch.arange(rows), torch.arange(start, start + rows)] = 1
        columns_NK = layer.cpu_linear(identity, layer.weight, None).t()
        for part, (first, count, at) in enumerate(slices):
            totals[part] += checksum(columns_NK[first : first + count], row=at, column=column + start)
    return [total % (1 << 64) for total in totals]


def _experts(path: str, layer: nn.Module) -> Iterator[Piece]:
    """Per-expert tensors out of w13 [E, 2I, H] and w2 [E, H, I]."""
    w13, w2 = _unpacked(layer, layer.w13_weight), _unpacked(layer, layer.w2_weight)
    gate, down, up = _expert_names(path)
    base = path.removesuffix(".routed_experts")
    inner = layer.moe_config.intermediate_size_per_partition
    padded = w13.shape[1] // 2
    at = get_tensor_model_parallel_rank() * inner if _world() > 1 else 0
    for expert in range(w13.shape[0]):
        yield f"{base}.{expert}.{gate}.weight", checksum(w13[expert, :inner], row=at)
        yield f"{base}.{expert}.{up}.weight", checksum(w13[expert, padded : padded + inner], row=at)
        yield f"{base}.{expert}.{down}.weight", checksum(w2[expert][:, :inner], column=at)


def _fused_experts(path: str, layer: nn.Module) -> Iterator[Piece]:
    """The same as two tensors of all experts; of one rank alone, because how ranks share them is not known here."""
    if _world() > 1:
        raise UnreadableLayerError(f"{path} holds experts that the checkpoint fuses; write tensor_parallel: 1")
    base = path.removesuffix(".experts.routed_experts")
    w13, w2 = _unpacked(layer, layer.w13_weight), _unpacked(layer, layer.w2_weight)
    inner = layer.moe_config.intermediate_size_per_partition
    padded = w13.shape[1] // 2
    rows = (torch.cat([expert[:inner], expert[padded : padded + inner]]) for expert in w13)
    yield f"{base}.input_linear.weight", _of_all(rows)
    yield f"{base}.output_linear.weight", _of_all(expert[:, :inner] for expert in w2)


def _of_all(matrices: Iterable[Tensor]) -> int:
    """Checksum of matrices on top of each other."""
    total, row = 0, 0
    for matrix in matrices:
        total += checksum(matrix, row=row)
        row += len(matrix)
    return total % (1 << 64)


def _expert_names(path: str) -> tuple[str, str, str]:
    return ("w1", "w2", "w3") if "block_sparse_moe" in path else ("gate_proj", "down_proj", "up_proj")


def _unpacked(layer: nn.Module, weight: Tensor) -> Tensor:
    """The experts' weights in rows and columns, whatever layout the CPU kernel packed them into."""
    kernel = getattr(getattr(layer.quant_method, "moe_kernel", None), "fused_experts", None)
    isa = getattr(kernel, "isa", None)
    if weight.device.type != "cpu" or isa is None:
        return weight
    from vllm._custom_ops import cpu_prepack_moe_weight

    _, rows, columns = weight.shape
    count = rows * columns
    order = torch.zeros(count, dtype=torch.int64)
    # Element numbers, written as exact small values of the weight's dtype, eight bits at a time.
    for shift in range(0, max(count - 1, 1).bit_length(), 8):
        digits = ((torch.arange(count) >> shift) & 0xFF).to(weight.dtype).view(1, rows, columns)
        order |= cpu_prepack_moe_weight(digits, isa).view(-1).to(torch.int64) << shift
    flat = weight.reshape(weight.shape[0], -1)
    return torch.empty_like(flat).index_copy_(1, order, flat).view(weight.shape)


def _world() -> int:
    return get_tensor_model_parallel_world_size()


def _first_rank() -> bool:
    return get_tensor_model_parallel_rank() == 0
