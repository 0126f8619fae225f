"""Per-sequence attention on a packed token axis, as an attention function of transformers.

Nothing of size T x T exists: a plan, made once per micro-batch and handed through the model's keyword arguments,
lists blocks of sequences of similar length, each one batched call of scaled_dot_product_attention. A response that
shares its prompt with others, or the beginning of its prompt with other prompts, attends to those keys, which stand
once on the axis, and to its own.

On a CPU the blocks are computed in float32 whatever the model's dtype: the bfloat16 kernel of torch 2.13 is
2 to 6 times slower there (256 sequences of 32 tokens, 4 heads of 32: 121 against 21 ms forward and backward).

Axes: T packed tokens, B sequences of a block, L positions of a block, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from rlhf.attention.levels import Level
from rlhf.learner.span_levels import Span, span_levels
from rlhf.recipe.model_config import BUILT

if TYPE_CHECKING:
    from rlhf.learner.sharded_axis import ShardedAxis

NAME = "longthought_packed"  # what `config._attn_implementation` says

# Proven token by token and gradient by gradient in tests/learner/test_attention.py. Other architectures leak
# between packed sequences without a word (see the README of this folder), so they are padded.
BASES = ("llama", "qwen2", "qwen3", "qwen3_moe")
PACKABLE = BASES + tuple(BUILT + base for base in BASES)

# A masked block computes all of queries x keys, a causal one skips the upper half: measured 437 against 720 ms.
CAUSAL_SHARE = 0.62
MAX_MASK_ELEMENTS = 2**24  # 16 MiB; beyond it the prompt's rows are repeated instead


@dataclass(frozen=True, slots=True)
class Block:
    """One call: B x queries and B x keys rows of the gathered tensors; no mask: causal, queries == keys."""

    batch: int
    queries: int
    keys: int
    mask_B1QK: Tensor | None  # bool: what may be seen


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """Rows to gather for each block, one after the other, and where each token's output stands among them.

    levels: the same sequences for the layers that are not softmax. parallel: where ranks share the axis, which part of
    it this rank has; the rest of the plan is of the whole axis.
    """

    query_index: Tensor
    key_index: Tensor
    output_index_T: Tensor
    blocks: tuple[Block, ...]
    levels: tuple[Level, ...]
    parallel: ShardedAxis | None = None

    def to(self, device: torch.device | str) -> AttentionPlan:
        blocks = tuple(
            Block(b.batch, b.queries, b.keys, None if b.mask_B1QK is None else b.mask_B1QK.to(device))
            for b in self.blocks
        )
        return replace(
            self,
            query_index=self.query_index.to(device),
            key_index=self.key_index.to(device),
            output_index_T=self.output_index_T.to(device),
            blocks=blocks,
            levels=tuple(level.to(device) for level in self.levels),
        )


def plan_attention(spans: Sequence[Span]) -> AttentionPlan:
    """The spans cover every token exactly once, in any order; empty ones are left out."""
    spans = [s for s in spans if s.length > 0]
    if not spans:
        raise ValueError("no tokens to attend to")
    buckets: dict[tuple[bool, int, int], list[Span]] = {}
    for span in spans:
        masked = _use_mask(span)
        key = (masked, _round(span.length), _round(span.prefix)) if masked else (masked, _round(_total(span)), 0)
        buckets.setdefault(key, []).append(span)
    queries: list[Tensor] = []
    keys: list[Tensor] = []
    blocks: list[Block] = []
    output_T = torch.full((sum(s.length for s in spans),), -1, dtype=torch.int64)
    offset = 0
    for (masked, _, _), members in sorted(buckets.items()):
        block, query_BL, key_BL, first_B = (_masked_block if masked else _causal_block)(members)
        for row, span in enumerate(members):
            at = offset + row * block.queries + int(first_B[row])
            output_T[span.start : span.start + span.length] = torch.arange(at, at + span.length)
        offset += block.batch * block.queries
        queries.append(query_BL.reshape(-1))
        keys.append(key_BL.reshape(-1))
        blocks.append(block)
    if bool((output_T < 0).any()):
        raise ValueError("the spans leave tokens out or overlap")
    return AttentionPlan(torch.cat(queries), torch.cat(keys), output_T, tuple(blocks), span_levels(spans))


def _total(span: Span) -> int:
    return span.prefix + span.length


def _use_mask(span: Span) -> bool:
    """Whether a masked block is cheaper than running the prefix's queries again under a causal one."""
    rectangle = span.length * _total(span)
    return span.prefix > 0 and rectangle <= CAUSAL_SHARE * _total(span) ** 2 and rectangle <= MAX_MASK_ELEMENTS


def _round(n: int) -> int:
    """Lengths within an eighth (or within 8) of one another share a block: little padding, few calls."""
    step = max(8, 2 ** (max(n, 1).bit_length() - 4))
    return -(-n // step) * step


def _causal_block(members: list[Span]) -> tuple[Block, Tensor, Tensor, Tensor]:
    """Prefix and own tokens in a row; right padding repeats the last token, which no real query sees."""
    length_B = torch.tensor([_total(s) for s in members])
    prefix_B = torch.tensor([s.prefix for s in members])
    longest = int(length_B.max())
    position_BL = torch.minimum(torch.arange(longest)[None], length_B[:, None] - 1)
    index_BL = _row(members, position_BL)
    return Block(len(members), longest, longest, None), index_BL, index_BL, prefix_B


def _masked_block(members: list[Span]) -> tuple[Block, Tensor, Tensor, Tensor]:
    """Queries: own tokens. Keys: the prefix padded to the longest prefix, then own tokens likewise."""
    own_B = torch.tensor([s.length for s in members])
    prefix_B = torch.tensor([s.prefix for s in members])
    own, prefix = int(own_B.max()), int(prefix_B.max())
    q_Q = torch.arange(own)
    p_P = torch.arange(prefix)
    own_BQ = prefix_B[:, None] + torch.minimum(q_Q[None], own_B[:, None] - 1)
    prefix_BP = torch.minimum(p_P[None], prefix_B[:, None] - 1)
    seen_BQP = (p_P[None] < prefix_B[:, None])[:, None, :].expand(-1, own, -1)
    seen_BQQ = (q_Q[None, :] <= q_Q[:, None])[None].expand(len(members), -1, -1)
    # Bool, not additive: cuDNN reads an additive mask as of the queries' dtype, whatever it is of.
    mask_B1QK = torch.cat([seen_BQP, seen_BQQ], dim=2)[:, None]
    query_BQ = _row(members, own_BQ)
    key_BK = torch.cat([_row(members, prefix_BP), query_BQ], dim=1)
    return Block(len(members), own, prefix + own, mask_B1QK), query_BQ, key_BK, torch.zeros_like(own_B)


def _row(members: list[Span], position_BL: Tensor) -> Tensor:
    """Token on the packed axis of each position, counted from the start of the prefix."""
    tokens_BX = nn.utils.rnn.pad_sequence([s.tokens() for s in members], batch_first=True)
    return tokens_BX.gather(1, position_BL)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packed_plan: AttentionPlan | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """query [1, H, T, d], key and value [1, H_kv, T, d] -> [1, T, H, d]; the signature is transformers'.

    Without a plan (generation, a plain forward) it is ordinary causal attention over a batch without padding. Where
    ranks share the axis, T is of this rank's tokens.
    """
    if attention_mask is not None:
        raise ValueError("packed attention takes no attention_mask: pass attention_mask=None and packed_plan=…")
    grouped = query.shape[1] != key.shape[1]
    if packed_plan is None:
        out = scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=query.shape[2] > 1, scale=scaling, enable_gqa=grouped
        )
        return out.transpose(1, 2).contiguous(), None
    axis = packed_plan.parallel
    if axis is None:
        return _planned(query[0], key[0], value[0], packed_plan, dropout, scaling)[None], None
    q_HTd, k_GTd, v_GTd = (axis.to_heads(x[0]) for x in (query, key, value))
    out_THd = _planned(q_HTd, k_GTd, v_GTd, packed_plan, dropout, scaling)
    return axis.to_tokens(out_THd.transpose(0, 1)).transpose(0, 1).contiguous()[None], None


def _planned(
    q_HTd: Tensor, k_GTd: Tensor, v_GTd: Tensor, plan: AttentionPlan, dropout: float, scaling: float | None
) -> Tensor:
    """[T, H, d]."""
    grouped = q_HTd.shape[0] != k_GTd.shape[0]
    q, k, v = _gather(q_HTd, plan.query_index), _gather(k_GTd, plan.key_index), _gather(v_GTd, plan.key_index)
    query_rows = [b.batch * b.queries for b in plan.blocks]
    key_rows = [b.batch * b.keys for b in plan.blocks]
    outputs = []
    for block, q_b, k_b, v_b in zip(
        plan.blocks, q.split(query_rows), k.split(key_rows), v.split(key_rows), strict=True
    ):
        out = scaled_dot_product_attention(
            _batched(q_b, block.batch),
            _batched(k_b, block.batch),
            _batched(v_b, block.batch),
            attn_mask=block.mask_B1QK,
            dropout_p=dropout,
            is_causal=block.mask_B1QK is None,
            scale=scaling,
            enable_gqa=grouped,
        )
        outputs.append(out.transpose(1, 2).reshape(block.batch * block.queries, -1))
    rows = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
    out_T = rows.index_select(0, plan.output_index_T).to(q_HTd.dtype)
    return out_T.view(out_T.shape[0], q_HTd.shape[0], -1)


def _gather(x_HTd: Tensor, index: Tensor) -> Tensor:
    """[H, T, d] -> [rows, H, d], in float32 on a CPU."""
    x_THd = x_HTd.transpose(0, 1)
    if x_THd.device.type == "cpu":
        x_THd = x_THd.float()
    rows = x_THd.reshape(x_THd.shape[0], -1).index_select(0, index)
    return rows.view(len(index), x_THd.shape[1], x_THd.shape[2])


def _batched(rows: Tensor, batch: int) -> Tensor:
    """[B * L, H, d] -> [B, H, L, d]."""
    return rows.view(batch, -1, rows.shape[1], rows.shape[2]).transpose(1, 2)


def register() -> None:
    """Make the function known to transformers by NAME; no mask function is registered, so no mask is ever built."""
    AttentionInterface.register(NAME, packed_attention)
