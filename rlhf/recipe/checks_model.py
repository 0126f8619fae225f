"""Checks of a recipe against the sizes of its model and the memory of its devices."""

from __future__ import annotations

from collections.abc import Iterator

from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.engine_memory import USUAL_PROMPT, EngineMemory, longest_asked
from rlhf.recipe.estimate import Estimate, longest_sequence
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.schema import TrainRecipe


def check_model(recipe: TrainRecipe, model: ModelConfig) -> Iterator[Finding]:
    """What the model's sizes forbid."""
    longest, tp = longest_sequence(recipe), recipe.rollout.tensor_parallel
    if model.context is not None and longest > model.context:
        room = model.context - recipe.data.max_prompt_tokens
        fix = f"at most {room}" if room > 0 else "less, and a smaller data.max_prompt_tokens"
        yield refuse(
            "rollout.max_response_tokens",
            f"found {recipe.rollout.max_response_tokens}: with data.max_prompt_tokens {recipe.data.max_prompt_tokens} "
            f"that is {longest} tokens, and {recipe.policy.model} holds {model.context}; write {fix}",
        )
    yield from _check_split("rollout", tp, model)
    if recipe.evaluation is not None:
        yield from _check_context(recipe.evaluation, recipe.policy.model, model, recipe.data.max_prompt_tokens)
    if recipe.learner.router_aux_coef > 0.0 and model.experts == 0:
        yield refuse("learner.router_aux_coef", f"{recipe.policy.model} has no experts; write 0")


def check_eval_model(recipe: EvalRecipe, model: ModelConfig) -> Iterator[Finding]:
    """What the sizes of an evaluation's model forbid."""
    asked, context = recipe.engines.max_model_len, model.context
    if asked is not None and context is not None and asked > context:
        yield refuse(
            "engines.max_model_len",
            f"found {asked}, and {recipe.policy.model} holds {context}; write at most {context}, or leave it out",
        )
    yield from _check_context(recipe.evaluation, recipe.policy.model, model)
    yield from _check_split("engines", recipe.engines.tensor_parallel, model)


def _check_split(section: str, tp: int, model: ModelConfig) -> Iterator[Finding]:
    divides = model.kv_heads % tp == 0 or tp % model.kv_heads == 0
    if model.heads % tp or not divides:
        yield refuse(
            f"{section}.tensor_parallel",
            f"found {tp}, which does not divide the model's {model.heads} heads and {model.kv_heads} key-value heads; "
            "write 1, or a divisor of both",
        )


def _check_context(
    evaluation: EvaluationConfig, name: str, model: ModelConfig, prompt: int = USUAL_PROMPT
) -> Iterator[Finding]:
    """prompt: tokens that one may have. How long a benchmark's are is known when they are loaded."""
    thinking = evaluation.thinking_tokens or 0
    longest = evaluation.max_response_tokens + thinking
    if model.context is None or longest + prompt <= model.context:
        return
    key, room = "evaluation.max_response_tokens", model.context - prompt - thinking
    found = f"found {evaluation.max_response_tokens}"
    fix = f"at most {room}" if room > 0 else "less"
    if thinking:
        found += f": with evaluation.thinking_tokens {thinking} that is {longest} tokens"
        fix += ", or fewer evaluation.thinking_tokens"
    if longest >= model.context:
        yield refuse(key, f"{found}, and {name} holds {model.context}, the prompt included; write {fix}")
    else:
        yield warn(key, f"{found}, and {name} holds {model.context}: {model.context - longest} are left for a prompt")


def check_eval_memory(recipe: EvalRecipe, engine: EngineMemory, devices: Devices) -> Iterator[Finding]:
    """What will probably not fit."""
    if engine.kv_sequences == 0:
        yield warn(
            "engines.kv_cache_gib" if devices.kind == "cpu" else "engines.gpu_memory_utilization",
            f"{_room(engine)}, less than one sequence of {longest_asked(recipe)}; raise it, or "
            + _less(engine, "engines"),
        )


def check_memory(recipe: TrainRecipe, found: Estimate, devices: Devices) -> Iterator[Finding]:
    """What will probably not fit: warnings, because an estimate is not a measurement."""
    learner, engine, memory = found.learner, found.engine, devices.memory_per_device
    if devices.kind == "cpu" and memory is not None:
        cache = int(recipe.rollout.kv_cache_gib * GIB)
        wanted = recipe.learner.ranks * learner.total + recipe.rollout.engines * (
            engine.weights * recipe.rollout.tensor_parallel + cache
        )
        if wanted > memory * (devices.nodes or 1):
            yield warn(
                "learner",
                f"learner and engines want about {wanted / GIB:.1f} GiB, and there are {memory / GIB:.1f} GiB a node; "
                "lower learner.token_budget or rollout.kv_cache_gib, or set learner.gradient_checkpointing",
            )
    elif devices.kind == "gpu" and memory is not None and learner.total > memory:
        yield warn(
            "learner",
            f"a rank wants about {learner.total / GIB:.1f} GiB of the {memory / GIB:.1f} GiB of its GPU; raise "
            "learner.zero_stage or ranks, set gradient_checkpointing or offload_optimizer, or lower token_budget",
        )
    if recipe.cluster.share_gpus and memory is not None and memory < learner.total + (engine.total or 0):
        yield _too_much_for_shared(found, memory)
    if engine.kv_sequences == 0:
        yield warn(
            "rollout.kv_cache_gib" if devices.kind == "cpu" else "rollout.gpu_memory_utilization",
            f"{_room(engine)}, less than one sequence of {longest_sequence(recipe)}; raise it, or "
            + _less(engine, "rollout"),
        )


def _room(engine: EngineMemory) -> str:
    if engine.kv_tokens is not None:
        return f"the KV cache holds about {engine.kv_tokens} tokens"
    return f"the cache holds {(engine.kv_cache or 0) / 2**20:.1f} MiB"


def _less(engine: EngineMemory, section: str) -> str:
    """What else makes a sequence's part of a worker's cache smaller. Layers with a state are not split."""
    if engine.kv_tokens is not None:
        return f"{section}.tensor_parallel"
    return "write smaller sizes for the kernels of policy.attention (`rlhf list attention NAME`)"


def _too_much_for_shared(found: Estimate, memory: int) -> Finding:
    """Of a rank and an engine's worker that share a GPU."""
    wanted, room = found.learner.total + (found.engine.total or 0), memory - found.learner.total
    fix = "the engine's weights do not fit beside the rank: raise learner.zero_stage"
    if room > found.engine.weights:
        fix = f"write {int(100 * room / memory) / 100:g}"
    return warn(
        "rollout.gpu_memory_utilization",
        f"a rank and a worker of an engine on one GPU want {wanted / GIB:.1f} GiB, {(wanted - memory) / GIB:.1f} more "
        f"than there is; {fix}",
    )
