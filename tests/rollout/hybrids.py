"""Policies with kernels for the tests of engines: built, learned with and served by the real things."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlhf.attention.catalog import CATALOG
from rlhf.learner.rank import LearnerRank
from rlhf.learner.spec import LearnerSpec
from rlhf.models.hybrid.build import write_hybrid
from rlhf.recipe.schema import LearnerConfig, PolicyConfig, RolloutConfig
from rlhf.rollout.engine import VllmEngine
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.sampling import RawSample, Sampling
from rlhf.types import TrainSequence
from tests.rollout.choosing import Choices, recording_codes

SAMPLED = tuple(name for name, spec in CATALOG.items() if spec.engine == "state")
"""Kernels that an engine can sample with a state of constant size."""

CANARY = tuple(range(3, 40))
ALONE_LENGTHS = (1, 2, 3, 5, 7, 11) * 8
LENGTHS = (1, 7, 63, 64, 65, 130, 200)  # of prompts: short, and around the chunks that kernels work in


def write_base(kind: str, folder: Path, layers: int) -> Path:
    """A random Llama or Qwen3-MoE, larger in its weights than usual so that its predictions differ."""
    import transformers

    sizes: dict[str, Any] = {
        "vocab_size": 256,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 1024,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "initializer_range": 0.05,
        "tie_word_embeddings": True,
    }
    torch.manual_seed(0)
    experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "norm_topk_prob": True}
    config = transformers.Qwen3MoeConfig(**sizes, **experts) if kind == "moe" else transformers.LlamaConfig(**sizes)
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    return folder


def write_policy(kernels: Sequence[str], kind: str, folder: Path, **settings: Any) -> Path:
    """One layer a kernel; `softmax` is the base's own."""
    base = write_base(kind, folder / "base", len(kernels))
    layers = [
        {"kernel": name, "settings": CATALOG[name].settings(**settings.get(name, {})).model_dump(mode="json")}
        for name in kernels
    ]
    return write_hybrid(base, folder / "policy", layers, seed=0).folder


def start_learner(folder: Path, dtype: str, **learner: Any) -> LearnerRank:
    config = LearnerConfig(token_budget=4096, **learner)
    return LearnerRank(LearnerSpec(PolicyConfig(model=str(folder), dtype=dtype), config, str(folder)))


def engine_of(folder: Path, dtype: str, **rollout: Any) -> VllmEngine:
    config = {"kv_cache_gib": 0.25, "max_concurrent_sequences": 16, "max_batched_tokens": 96} | rollout
    return VllmEngine(
        EngineSpec(
            name="engine-0",
            model_dir=str(folder),
            dtype=dtype,
            rollout=RolloutConfig(**config),
            max_model_len=512,
            seed=0,
            cpus=((0, 1),),
            worker_extension="tests.rollout.choosing.ChoosingWorker",
        )
    )


def learner_choices(learner: LearnerRank, one: TrainSequence) -> tuple[Choices, Choices]:
    """Experts and codes of every token but the last, as ChoosingWorker answers them."""
    (micro,) = learner._micro_batches(learner._plan([one]), [one])
    with torch.no_grad(), learner._monitors.router.recording() as record, recording_codes() as codes:
        learner._engine(micro, 1.0, head=False)
    return [chosen_SK.sort(-1).values.tolist() for _, chosen_SK in record.layers], codes.take()


def prompts() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(3, 256, size=n).astype(np.int64) for n in LENGTHS]


async def sampled(engine: VllmEngine, tokens: int = 72, samples: int = 2) -> list[TrainSequence]:
    """Responses to prompts of LENGTHS, all at once, with the engine's log-probabilities."""
    asked = Sampling(samples, 1.0, tokens)
    answers = await asyncio.gather(*(engine.generate(prompt.tolist(), asked) for prompt in prompts()))
    return [
        sequence(group, prompt, raw)
        for group, (prompt, several) in enumerate(zip(prompts(), answers, strict=True))
        for raw in several
    ]


async def sampled_alone(engine: VllmEngine, tokens: int = 24) -> list[tuple[TrainSequence, tuple[Choices, Choices]]]:
    """Short responses to short prompts, one after the other, with the engine's experts and codes. Short, since one token
    in 40 may be sent elsewhere by rounding in bfloat16, which moves all that come after it."""
    await engine._llm.collective_rpc("record_choices")
    found = []
    draw = np.random.default_rng(1)
    for length in ALONE_LENGTHS:
        prompt = draw.integers(3, 256, size=length).astype(np.int64)
        (raw,) = await engine.generate(prompt.tolist(), Sampling(1, 1.0, tokens))
        one = sequence(0, prompt, raw)
        (taken,) = await engine._llm.collective_rpc("take_choices")
        found.append((one, taken))
    return found


def sequence(group: int, prompt: np.ndarray, raw: RawSample) -> TrainSequence:
    ids = np.concatenate([segment.token_ids_R for segment in raw.segments]).astype(np.int64)
    logp = np.concatenate([segment.logp_R for segment in raw.segments])
    zeros = np.zeros(len(ids), np.float32)
    return TrainSequence(group, prompt, ids, logp, zeros, np.ones_like(zeros))
