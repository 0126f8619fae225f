"""`rlhf eval`'s tokens/s against bare `vllm.LLM.generate` on the same prompts, and what grading adds to its wall time.

Ours: problems of GSM8K through the whole command but its start: asked for sample by sample from an engine in a Ray
actor, judged by `math` in verifier processes while others are sampled, journalled. Ungraded: the same with every answer
waved through. Bare: one call of `LLM.generate` in a process of its own, with the same prompts, engine arguments, cores,
sampling and limit. Times are from the first request to the last verdict; loading is on no side's. With bfloat16 weights
on a CPU without AMX our engines multiply in float32, which bare vLLM does not: --wide-products off leaves that out.

    python -m benchmarks.evaluation --data-dir DIR [--model smollm2] [--wide-products off] [--rounds 2] [--smoke]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, median, model_folder, say, work_folder
from rlhf.recipe.eval_schema import EvalRecipe

TARGETS = {"throughput": 0.9, "grading": 1.05}
SHAPE = {"problems": 64, "samples": 4, "tokens": 96}
SMOKE = {"problems": 4, "samples": 2, "tokens": 8}
TEMPERATURE = 0.6


def recipe_of(options: Mapping[str, Any]) -> EvalRecipe:
    return EvalRecipe.model_validate(
        {
            "kind": "eval",
            "policy": {"model": options["model"], "dtype": options["dtype"]},
            "evaluation": {
                "benchmarks": [{"name": "gsm8k", "limit": options["problems"]}],
                "data_dir": options["data_dir"],
                "samples": options["samples"],
                "temperature": TEMPERATURE,
                "max_response_tokens": options["tokens"],
            },
            "engines": {"kv_cache_gib": 0.5, "wide_products": options["wide_products"]},
            "cluster": {"address": "local", "device": "cpu", "cpus_per_node": options["cores"]},
        }
    )


def ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds and tokens of the whole command, by its own results."""
    from cluster.evaluation import evaluate

    results = evaluate(recipe_of(options), Path(options["out"]), say, restart=True).results
    (benchmark,) = results.benchmarks
    return {"seconds": benchmark.seconds, "tokens": benchmark.tokens, "extraction": benchmark.extraction}


def ungraded(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same, every answer waved through by this process."""
    from cluster import evaluation
    from cluster.verifier_service import VerifierService
    from rlhf.types import Prompt
    from verifiers.base import Verdict

    class Unjudged(VerifierService):
        async def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
            return [{prompt.domain: Verdict.correct()} for _ in texts]

    evaluation.VerifierService = Unjudged  # type: ignore[misc]
    return ours(options)


def bare(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same prompts by vLLM alone."""
    from cluster.evaluation import rollout_of
    from rlhf.evaluation.prompts import PromptStyle
    from rlhf.evaluation.run.prepare import prepare_all, tokens_needed
    from rlhf.models.resolve import load_tokenizer
    from rlhf.rollout.engine_options import EngineSpec, engine_arguments, engine_environment

    recipe = recipe_of(options)
    tokenizer = load_tokenizer(Path(options["model"]))
    config = recipe.evaluation
    (prepared,) = prepare_all(config, tokenizer, PromptStyle.of(config, tokenizer))
    cpus = (tuple(range(options["cores"])),)
    needed = tokens_needed([prepared], config, 0)
    spec = EngineSpec("bare", options["model"], options["dtype"], rollout_of(recipe), needed, seed=0, cpus=cpus)
    arguments = engine_arguments(spec)
    for name in ("worker_extension_cls", "weight_transfer_config", "enable_log_requests", "logprobs_mode"):
        del arguments[name]
    os.environ.update(engine_environment(spec) | {"VLLM_PLUGINS": ""})
    from vllm import LLM, SamplingParams
    from vllm.inputs import TokensPrompt

    llm = LLM(**arguments)
    inputs = [TokensPrompt(prompt_token_ids=list(p.token_ids)) for p in prepared.prompts]
    wanted = SamplingParams(
        n=options["samples"], temperature=TEMPERATURE, max_tokens=options["tokens"], detokenize=False
    )
    started = time.perf_counter()
    outputs = llm.generate(inputs, wanted, use_tqdm=False)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "tokens": sum(len(o.token_ids) for output in outputs for o in output.outputs)}


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"ours": ours, "ungraded": ungraded, "bare": bare}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True, type=Path, help="folder with gsm8k_test.jsonl")
    parser.add_argument("--model", default="smollm2", help="smollm2, tiny-moe or a folder")
    parser.add_argument("--rounds", type=int, default=2, help="times that each side is started")
    parser.add_argument("--wide-products", choices=("auto", "off"), default="auto", help="of our engines")
    parser.add_argument("--smoke", action="store_true", help="see that it works")
    args = parser.parse_args(argv)
    model = "tiny-moe" if args.smoke else args.model
    shape = SMOKE if args.smoke else SHAPE
    with work_folder() as work:
        bench = Bench("evaluation", "benchmarks.evaluation", work)
        options = {
            **shape,
            "model": str(model_folder(model, work)),
            "dtype": "float32" if model == "tiny-moe" else "bfloat16",
            "data_dir": str(args.data_dir.absolute()),
            "cores": cores(),
            "wide_products": args.wide_products,
            "out": str(work / "results.json"),
        }
        answers = bench.alternate(dict.fromkeys(SIDES, options), 1 if args.smoke else args.rounds)
        _emit(bench, model, shape, answers)


def _emit(
    bench: Bench, model: str, shape: Mapping[str, int], answers: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    rates = {side: [a["tokens"] / a["seconds"] for a in of_it] for side, of_it in answers.items()}
    seconds = {side: median([a["seconds"] for a in of_it]) for side, of_it in answers.items()}
    throughput = median(rates["ours"]) / median(rates["bare"])
    per_token = {side: 1 / median(rates[side]) for side in ("ours", "ungraded")}
    grading = per_token["ours"] / per_token["ungraded"]
    bench.emit(
        f"rlhf eval, {model}, GSM8K: {shape['problems']} problems x {shape['samples']} samples of at most "
        f"{shape['tokens']} tokens",
        ("", "tokens/s (median)", "seconds (median)"),
        [
            ("vllm.LLM.generate", median(rates["bare"]), seconds["bare"]),
            ("rlhf eval", median(rates["ours"]), seconds["ours"]),
            ("the same, ungraded", median(rates["ungraded"]), seconds["ungraded"]),
            (f"rlhf eval / vLLM (target at least {TARGETS['throughput']})", throughput, ""),
            (f"time a token, graded / ungraded (target at most {TARGETS['grading']})", grading, ""),
        ],
        model=model,
        shape=dict(shape),
        tokens_per_s=rates,
        seconds=seconds,
        throughput=throughput,
        grading=grading,
        targets=TARGETS,
    )


if __name__ == "__main__":
    main()
