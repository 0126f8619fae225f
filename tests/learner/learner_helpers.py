"""Small models, sequences and a plain loss for the tests of the learner; and a way to run two ranks."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as mp
from torch.distributed import FileStore

from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.learner.spec import LearnerSpec
from rlhf.recipe.schema import LearnerConfig, PolicyConfig
from rlhf.types import TrainSequence

VOCAB = 97
KINDS = ("llama", "qwen2", "qwen3", "qwen3_moe")


def make_model(kind: str, folder: Path, *, tied: bool = False) -> str:
    """A random two-layer model, saved; weights large enough that a wrong key shows."""
    import transformers as hf

    torch.manual_seed(0)
    base: dict[str, Any] = {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "tie_word_embeddings": tied,
    }
    moe = {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
    configs = {
        "llama": lambda: hf.LlamaConfig(**base),
        "qwen2": lambda: hf.Qwen2Config(**base),
        "qwen3": lambda: hf.Qwen3Config(**base, head_dim=16),
        "qwen3_moe": lambda: hf.Qwen3MoeConfig(**base, **moe, norm_topk_prob=True),
        "gemma": lambda: hf.GemmaConfig(**base, head_dim=16),
        "granite": lambda: hf.GraniteConfig(**base, logits_scaling=4.0),
        "gemma2": lambda: hf.Gemma2Config(**base, head_dim=16, final_logit_softcapping=0.05),
    }
    model = hf.AutoModelForCausalLM.from_config(configs[kind](), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 3:  # experts and routers
                parameter.normal_(std=0.2)
    model.save_pretrained(folder / kind)
    return str(folder / kind)


def make_sequences(
    groups: int = 3,
    samples: int = 4,
    seed: int = 0,
    prompts: tuple[int, int] = (2, 20),
    responses: tuple[int, int] = (1, 25),
) -> list[TrainSequence]:
    """Ragged, some tokens masked, behaviour log-probabilities and advantages at random."""
    r = np.random.default_rng(seed)
    out = []
    for group in range(groups):
        prompt = r.integers(0, VOCAB, r.integers(*prompts))
        for _ in range(samples):
            n = int(r.integers(*responses))
            mask = (r.random(n) < 0.9).astype(np.float32)
            logp = r.normal(-4.0, 0.5, n).astype(np.float32)
            advantage = np.full(n, r.normal(), np.float32)
            out.append(TrainSequence(group, prompt, r.integers(0, VOCAB, n), logp, advantage, mask))
    return out


def policy_gradient(inputs: LossInputs) -> LossOutput:
    """PPO's clipped surrogate, token mean over the global batch, and an entropy bonus where entropy is given."""
    ratio = (inputs.logp_BT - inputs.old_logp_BT).exp()
    loss_BT = -torch.minimum(ratio * inputs.advantage_BT, ratio.clamp(0.8, 1.2) * inputs.advantage_BT)
    if inputs.entropy_BT is not None:
        loss_BT = loss_BT - 0.1 * inputs.entropy_BT
    loss = (loss_BT * inputs.mask_BT).sum() / inputs.global_tokens
    high = ((ratio > 1.2) * inputs.mask_BT).sum()
    return LossOutput(loss, {"policy": loss.detach(), "high_tokens": high.detach()})


def make_spec(folder: str, **keys: Any) -> LearnerSpec:
    """Keys of PolicyConfig, LearnerConfig and LearnerSpec alike, each to where it belongs."""
    policy = {k: keys.pop(k) for k in list(keys) if k in PolicyConfig.model_fields}
    learner = {k: keys.pop(k) for k in list(keys) if k in LearnerConfig.model_fields}
    defaults = {"learning_rate": 1e-2, "token_budget": 64, "adam_eps": 1e-2}
    return LearnerSpec(
        PolicyConfig(model=folder, **{"dtype": "float32"} | policy), LearnerConfig(**defaults | learner), folder, **keys
    )


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


Place = Callable[[], dict[str, int]]  # keys of LearnerSpec for the next learner of this process


def run_ranks(world_size: int, work: Callable[[Place], Any], folder: Path) -> list[Any]:
    """What work(place) returned in each of `world_size` new processes."""
    mp.spawn(_entry, args=(world_size, work, str(folder)), nprocs=world_size, join=True)
    return [torch.load(folder / f"result_{rank}.pt", weights_only=False) for rank in range(world_size)]


def _entry(rank: int, world_size: int, work: Callable[[Place], Any], folder: str) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    store = FileStore(str(Path(folder) / "ports"), world_size)
    serial = itertools.count()

    def place() -> dict[str, int]:
        """Rank 0 finds a port that is free now and tells the others; guessed ones collide with other programs."""
        key = f"port {next(serial)}"
        if rank == 0:
            store.set(key, str(free_port()))
        return {"rank": rank, "world_size": world_size, "master_port": int(store.get(key))}

    torch.save(work(place), Path(folder) / f"result_{rank}.pt")
