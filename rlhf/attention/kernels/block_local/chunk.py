"""Every block at once. A carried block's tokens are put before their sequence, so that blocks begin where they did.

Axes: M blocks, B tokens of a block, S sequences.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_local.extras import BlockLocalExtras


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: BlockLocalExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    past_S = [0] * cu_seqlens.count if state is None else [int(n) for n in state[2].flatten().tolist()]
    if state is not None and any(past_S):
        k, v = _behind(k, state[0]), _behind(v, state[1])
    whole = CuSeqlens.of_lengths([a + b for a, b in zip(past_S, cu_seqlens.lengths, strict=True)])
    token_L, own_T = _tokens(cu_seqlens, past_S, extras.block - 1, q.device)
    if token_L is None:
        out = _blocks(q, k, v, extras.block, whole)
    else:
        # What a carried token would have asked is never read: its place holds some other query.
        asked = q.index_select(1, token_L.clamp(max=cu_seqlens.total - 1))
        out = _blocks(asked, k.index_select(1, token_L), v.index_select(1, token_L), extras.block, whole)
        out = out.index_select(1, own_T)
    return out.to(q_HTd.dtype), _left(k, v, token_L, extras.block, whole), NO_AUX


def _behind(x_GTd: Tensor, held_SGnd: Tensor) -> Tensor:
    """[G, T + S * n, d]: the carried tokens of all sequences after the new ones."""
    return torch.cat([x_GTd, held_SGnd.to(x_GTd.dtype).transpose(0, 1).flatten(1, 2)], 1)


def _tokens(cu: CuSeqlens, past_S: list[int], held: int, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    """For every token of the sequences with their carried ones, its place in what `_behind` gives; and which of these
    tokens are the sequences' own. None: they all are, in order."""
    if not any(past_S):
        return None, None
    tokens, own, at = [], [], 0
    for s, (span, past) in enumerate(zip(cu.spans(), past_S, strict=True)):
        carried = torch.arange(past) + cu.total + s * held
        tokens += [carried, torch.arange(span.start, span.stop)]
        own.append(torch.arange(span.stop - span.start) + at + past)
        at += past + span.stop - span.start
    return torch.cat(tokens).to(device), torch.cat(own).to(device)


def _blocks(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, block: int, cu: CuSeqlens) -> Tensor:
    """[H, T, e]. The places beyond a sequence's end come after all of its tokens, so no token sees them."""
    layout = cu.chunks(block, q_HTd.device)
    q, k, v = (layout.split(x).transpose(0, 1) for x in (q_HTd, k_GTd, v_GTe))
    grouped = q.shape[1] != k.shape[1]
    out_MHBe = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
    return layout.join(out_MHBe.transpose(0, 1))


def _left(k_GTd: Tensor, v_GTe: Tensor, token_L: Tensor | None, block: int, cu: CuSeqlens) -> State:
    """Keys, values and count of each sequence's unfinished block."""
    count_S = torch.tensor([n % block for n in cu.lengths], device=k_GTd.device)
    end_S = torch.tensor(cu.offsets[1:], device=k_GTd.device)
    slot_n = torch.arange(block - 1, device=k_GTd.device)
    held_Sn = slot_n < count_S[:, None]
    index_Sn = (end_S - count_S)[:, None] + slot_n
    index = index_Sn.clamp(max=cu.total - 1).flatten()
    if token_L is not None:
        index = token_L.index_select(0, index)

    def taken(x_GTd: Tensor) -> Tensor:
        held = x_GTd.index_select(1, index).unflatten(1, (cu.count, block - 1)).transpose(0, 1)
        return held.masked_fill(~held_Sn[:, None, :, None], 0)

    return taken(k_GTd), taken(v_GTe), count_S.to(k_GTd.dtype)[:, None]
