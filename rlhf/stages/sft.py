"""The supervised warm-up: next-token prediction on demonstrations, with the learner and packing of the RL stage."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rlhf.data.prompts import make_prompt
from rlhf.data.rows import Row
from rlhf.metrics.live import LiveView
from rlhf.protocols import Learner
from rlhf.recipe.schema import TrainRecipe, WarmupConfig
from rlhf.stages.demonstrations import Demonstration, make_demonstrations, without_heldout
from rlhf.types import Prompt, TrainSequence


def demonstration_sequence(
    demonstration: Demonstration, index: int, recipe: TrainRecipe, tokenizer: Any
) -> TrainSequence:
    """Prompt as in rollouts (chat template and all); response tokens, with the end-of-sequence token, are learned."""
    row = Row(f"demonstration {index}", index, demonstration.prompt_text)
    prompt = make_prompt(row, "warmup", recipe.data, tokenizer)
    response = [*tokenizer(demonstration.response_text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    zeros = np.zeros(len(response), np.float32)
    return TrainSequence(
        group=index,
        prompt_ids_P=np.asarray(prompt.token_ids, np.int64),
        response_ids_R=np.asarray(response, np.int64),
        behaviour_logp_R=zeros,
        advantage_R=zeros,
        mask_R=np.ones(len(response), np.float32),
    )


def batches(sequences: Sequence[TrainSequence], size: int, seed: int) -> Iterator[list[TrainSequence]]:
    """Shuffled batches without end; every epoch in another order."""
    order = list(range(len(sequences)))
    epoch = 0
    while True:
        random.Random(f"{seed}/{epoch}").shuffle(order)
        for start in range(0, len(order) - size + 1, size):
            yield [sequences[i] for i in order[start : start + size]]
        epoch += 1


async def run_warmup(
    learner: Learner, recipe: TrainRecipe, tokenizer: Any, heldout: Sequence[Prompt], view: LiveView
) -> dict[str, float]:
    """Train on demonstrations, then give the learner back with a fresh optimizer for the RL stage.

    No demonstration is of a held-out prompt. What it answers goes into the run's summary: steps, demonstrations
    used and left out, first and last loss (nats a token, mean of 20 steps).
    """
    config = recipe.warmup
    assert config is not None
    view.stage("warm-up", f"{config.steps} steps on {config.size} demonstrations")
    made = make_demonstrations(config.demonstrations, config.config, config.size, recipe.run.seed)
    kept, left_out = without_heldout(made, [p.text.removesuffix(recipe.data.prompt_suffix) for p in heldout])
    if left_out:
        view.note(f"{left_out} demonstrations of held-out prompts left out")
    sequences = [demonstration_sequence(d, i, recipe, tokenizer) for i, d in enumerate(kept)]
    if len(sequences) < config.batch_size:
        raise ValueError(f"warmup.size: {len(sequences)} demonstrations do not fill a batch of {config.batch_size}")
    await learner.start_stage(config.learning_rate, config.warmup_steps, config.weight_decay)
    losses = await _train(learner, config, batches(sequences, config.batch_size, recipe.run.seed), view)
    rl = recipe.learner
    await learner.start_stage(rl.learning_rate, rl.warmup_steps, rl.weight_decay)
    return {
        "steps": config.steps,
        "demonstrations": len(sequences),
        "left_out_as_held_out": left_out,
        "loss_first": float(np.mean(losses[:20])),
        "loss_last": float(np.mean(losses[-20:])),
    }


async def _train(
    learner: Learner, config: WarmupConfig, supply: Iterator[list[TrainSequence]], view: LiveView
) -> list[float]:
    losses = []
    for step in range(1, config.steps + 1):
        losses.append((await learner.sft_step(next(supply))).loss)
        if step % max(1, config.steps // 10) == 0:
            view.note(f"warm-up step {step}/{config.steps}  loss {np.mean(losses[-20:]):.3f}")
    return losses
