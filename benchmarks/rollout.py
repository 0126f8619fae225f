"""Rollout tokens/s through Longthought's whole path against bare `vllm.LLM.generate`.

Ours: prompts are handed out one group at a time (PromptFlow, Rollouter), sampled by an engine in a Ray actor
(EnginePool, RayEngine), judged by the format verifier in the verifier pool, and put into the buffer. Bare: one call
of `LLM.generate`, in a process of its own, with the same prompts, engine arguments, cores and sampling (logprobs=0).
Both suppress the end-of-sequence token, so token counts are equal. Every batch has prompts of its own. With bfloat16
weights on a CPU without AMX our engines multiply in float32, which bare vLLM does not: --wide-products off leaves that
out, and shows the path alone.

    python -m benchmarks.rollout [--models smollm2,tiny-moe] [--wide-products off] [--rounds 2] [--repeats 2] [--smoke]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.common import Bench, cores, median, model_folder, work_folder
from benchmarks.recipes import fixed_length_recipe

TARGETS = {"smollm2": 0.90, "tiny-moe": 0.75}
SHAPES = {"smollm2": (8, 8, 64, "bfloat16"), "tiny-moe": (32, 8, 64, "float32")}
WARMUP_TOKENS = 8


def ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds and tokens of each batch, through the whole path."""
    return asyncio.run(_ours(options))


async def _ours(options: Mapping[str, Any]) -> dict[str, Any]:
    from benchmarks.parts import rollout_path
    from rlhf.data.sampling.epochs import EpochSampler
    from rlhf.prompt_flow import PromptFlow
    from rlhf.rollout.sampling import Sampling

    recipe = fixed_length_recipe(options)
    seconds, tokens = [], []
    async with rollout_path(recipe) as (rollouter, prompts):
        await rollouter.groups(prompts[: options["prompts"]], Sampling(1, 1.0, WARMUP_TOKENS))
        sampler = EpochSampler(len(prompts), shuffle=False)
        for _ in range(options["repeats"]):
            flow = PromptFlow(prompts, sampler, rollouter, recipe.trainer)
            started = time.perf_counter()
            groups = await flow.take(0, 1)
            seconds.append(time.perf_counter() - started)
            tokens.append(sum(len(s.trajectory) for group in groups for s in group.samples))
    return {"seconds": seconds, "tokens": tokens}


def bare(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same batches by vLLM alone."""
    from benchmarks.parts import bare_arguments, load_all, max_model_len

    recipe = fixed_length_recipe(options)
    prompts = load_all(recipe)
    environment, arguments = bare_arguments(recipe, max_model_len(recipe, prompts))
    os.environ.update(environment)
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt

    llm = LLM(**arguments)
    inputs = [TokensPrompt(prompt_token_ids=list(p.token_ids)) for p in prompts]
    size, length = options["prompts"], options["tokens"]
    warmup = SamplingParams(n=1, max_tokens=WARMUP_TOKENS, min_tokens=WARMUP_TOKENS, logprobs=0)
    llm.generate(inputs[:size], warmup, use_tqdm=False)
    wanted = SamplingParams(n=options["samples"], temperature=1.0, max_tokens=length, min_tokens=length, logprobs=0)
    seconds, tokens = [], []
    for repeat in range(options["repeats"]):
        batch = inputs[repeat * size : (repeat + 1) * size]
        started = time.perf_counter()
        outputs = llm.generate(batch, wanted, use_tqdm=False)
        seconds.append(time.perf_counter() - started)
        tokens.append(sum(len(o.token_ids) for output in outputs for o in output.outputs))
    return {"seconds": seconds, "tokens": tokens}


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"ours": ours, "bare": bare}


def rates(answers: Sequence[Mapping[str, Any]]) -> list[float]:
    """Tokens/s of every batch of every round."""
    return [n / s for answer in answers for n, s in zip(answer["tokens"], answer["seconds"], strict=True)]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="of: smollm2,tiny-moe; default both, with --smoke tiny-moe")
    parser.add_argument("--rounds", type=int, default=2, help="times that each side is started")
    parser.add_argument("--repeats", type=int, default=2, help="batches timed each time")
    parser.add_argument("--wide-products", choices=("auto", "off"), default="auto", help="of our engines")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 4 x 2 x 8 tokens, one round")
    args = parser.parse_args(argv)
    if args.smoke:
        args.rounds, args.repeats = 1, 1
    for name in (args.models or ("tiny-moe" if args.smoke else "smollm2,tiny-moe")).split(","):
        with work_folder() as work:
            _compare(name, args, Bench("rollout", "benchmarks.rollout", work))


def _compare(name: str, args: argparse.Namespace, bench: Bench) -> None:
    prompts, samples, tokens, dtype = (4, 2, 8, "float32") if args.smoke else SHAPES[name]
    options = {
        "model": str(model_folder(name, bench.work)),
        "dtype": dtype,
        "prompts": prompts,
        "samples": samples,
        "tokens": tokens,
        "steps": args.repeats,
        "repeats": args.repeats,
        "cores": cores(),
        "wide_products": args.wide_products,
    }
    answers = bench.alternate({"bare": options, "ours": options}, args.rounds)
    found = {side: rates(answers[side]) for side in answers}
    counts = {n for side in answers.values() for answer in side for n in answer["tokens"]}
    if counts != {prompts * samples * tokens}:
        raise SystemExit(f"token counts differ: {sorted(counts)}, expected {prompts * samples * tokens} in every batch")
    ratio = median(found["ours"]) / median(found["bare"])
    bench.emit(
        f"rollout, {name} ({dtype}), {prompts} prompts x {samples} samples x {tokens} tokens",
        ("", "tokens/s (median)", "best", "batches"),
        [
            ("vllm.LLM.generate", median(found["bare"]), max(found["bare"]), len(found["bare"])),
            ("whole rollout path", median(found["ours"]), max(found["ours"]), len(found["ours"])),
            (f"ratio (target {TARGETS[name]})", ratio, max(found["ours"]) / max(found["bare"]), ""),
        ],
        model=name,
        dtype=dtype,
        wide_products=args.wide_products,
        sequences=prompts * samples,
        tokens_each=tokens,
        tokens_per_s=found,
        ratio=ratio,
        target=TARGETS[name],
    )


if __name__ == "__main__":
    main()
