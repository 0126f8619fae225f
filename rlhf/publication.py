"""What a publication of weights is, and how it is proven.

The learner writes the weights once, with a checksum per tensor and the log-probabilities that it gives to a
fixed canary prompt. Every engine then answers with the checksum of every tensor *that it computes with*, read
back out of its own kernels' layout, and with its own log-probabilities of the canary. A difference names the
engine and the tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

HELD_OTHERWISE = -1
"""In place of a checksum: the engine computes with a function of the tensor, so the canary alone speaks for it."""

_SHOWN_PROBLEMS = 20
_CANARY_PROMPTS = 64
_CANARY_TOKENS = 48
_BLOCK = 1 << 20  # elements hashed at a time: bounds the int64 copy to 8 MiB
_INT_OF_WIDTH = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One publication: where the weights lie and what they must be.

    path: a safetensors file in shared memory on the learner's node; empty where the learner pushes the weights.
    dtype: of the published tensors.
    canary_logp: log-probability of canary_ids[1:], given what stands before each, at temperature 1.
    canary_tolerance: by how much an engine's may differ from these, on average.
    """

    version: int
    path: str
    dtype: str
    checksums: Mapping[str, int]
    canary_ids: tuple[int, ...]
    canary_logp: tuple[float, ...]
    nbytes: int
    canary_tolerance: float


def canary_of(prompts: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Token ids to prove publications by: the longest of the first prompts, as far as it is cheap to run.

    Two tokens at least, for there is nothing to be said of the first: the one token of a prompt is repeated.
    """
    longest = max(islice(prompts, _CANARY_PROMPTS), key=len)[:_CANARY_TOKENS]
    return tuple(longest) if len(longest) > 1 else tuple(longest) * 2


@dataclass(frozen=True, slots=True)
class EngineProof:
    """What an engine answers. A tensor may be held more than once (a tied embedding, say): all must agree."""

    engine: str
    version: int
    checksums: Mapping[str, Sequence[int]]
    canary_logp: tuple[float, ...]


class PublicationError(RuntimeError):
    """An engine does not hold what the learner published. Training stops: samples would be of another policy."""


class StalePublicationError(RuntimeError):
    """These weights are gone, newer ones are about to be published: wait for those."""


def checksum(matrix: Tensor, row: int = 0, column: int = 0) -> int:
    """Position-dependent checksum of the bits of a tensor, modulo 2^64; zeros of either sign count alike.

    A vector is a matrix of one row; leading axes of a larger tensor are folded into rows. `row` and `column`
    are where this piece lies in the whole: the checksums of the pieces of a matrix add up to the checksum of
    the matrix, so fused, sliced and tensor-parallel layouts can be compared with the whole.
    """
    values = matrix.detach().reshape(-1, matrix.shape[-1]) if matrix.dim() > 1 else matrix.detach().reshape(1, -1)
    rows, columns = values.shape
    column_key_C = _keys(column, columns, values.device)
    total = 0
    step = max(1, _BLOCK // max(columns, 1))
    for start in range(0, rows, step):
        block = values[start : start + step]
        block = torch.where(block == 0, torch.zeros((), dtype=block.dtype, device=block.device), block)
        bits_RC = block.contiguous().view(_INT_OF_WIDTH[block.element_size()]).to(torch.int64)
        row_key_R = _keys(row + start, len(block), values.device) * 3 + 1
        total += int(((bits_RC * column_key_C).sum(1) * row_key_R).sum())
    return total % (1 << 64)


def _keys(start: int, count: int, device: torch.device) -> Tensor:
    """Odd 64-bit numbers, one per index; integer overflow wraps, as is meant."""
    index = torch.arange(start, start + count, dtype=torch.int64, device=device) + 1
    mixed = index * 0x1E3779B97F4A7C15
    mixed = (mixed ^ (mixed >> 29)) * 0x3F58476D1CE4E5B9
    return (mixed ^ (mixed >> 32)) | 1


def require_proof(manifest: Manifest, proofs: Sequence[EngineProof]) -> None:
    """Raises PublicationError unless every engine holds what was published."""
    problems = [problem for proof in proofs for problem in differences(manifest, proof)]
    if problems:
        shown = "\n  ".join(problems[:_SHOWN_PROBLEMS])
        raise PublicationError(f"version {manifest.version} is not what the engines hold:\n  {shown}")


def differences(manifest: Manifest, proof: EngineProof) -> list[str]:
    """Every way in which an engine's answer differs from the publication; empty if it is proven."""
    found = []
    if proof.version != manifest.version:
        found.append(f"{proof.engine}: holds version {proof.version}, published was {manifest.version}")
    for name, expected in manifest.checksums.items():
        held = proof.checksums.get(name)
        if not held:
            found.append(f"{proof.engine}: tensor {name} was published but the engine does not report it")
        elif any(value not in (expected, HELD_OTHERWISE) for value in held):
            shown = ", ".join(f"{value:016x}" for value in held)
            found.append(f"{proof.engine}: tensor {name} has checksum {shown}, published was {expected:016x}")
    unknown = sorted(set(proof.checksums) - set(manifest.checksums))
    found += [f"{proof.engine}: holds tensor {name}, which was not published" for name in unknown]
    found += _canary_differences(manifest, proof)
    return found


def _canary_differences(manifest: Manifest, proof: EngineProof) -> list[str]:
    tolerance = manifest.canary_tolerance
    if len(proof.canary_logp) != len(manifest.canary_logp):
        return [f"{proof.engine}: {len(proof.canary_logp)} canary tokens, expected {len(manifest.canary_logp)}"]
    gaps = [abs(a - b) for a, b in zip(proof.canary_logp, manifest.canary_logp, strict=True)]
    mean = sum(gaps) / max(len(gaps), 1)
    if not mean <= tolerance:  # also true for NaN
        worst = max(range(len(gaps)), key=lambda i: gaps[i] if gaps[i] == gaps[i] else float("inf"))
        return [
            f"{proof.engine}: canary log-probabilities differ by {mean:.4g} on average (allowed {tolerance:.4g}); "
            f"token {worst + 1}: engine {proof.canary_logp[worst]:.4f}, learner {manifest.canary_logp[worst]:.4f}"
        ]
    return []


def canary_tolerance(dtype: str, mixture_of_experts: bool) -> float:
    """Mean absolute difference allowed; bf16 rounding flips routes of an MoE, which moves single tokens far."""
    if dtype == "float32":
        return 1e-3
    return 0.3 if mixture_of_experts else 0.08
