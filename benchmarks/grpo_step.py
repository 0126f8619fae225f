"""One synchronous GRPO step of Longthought against TRL's `GRPOTrainer` on the CPU, run in turn.

Both: the same model in bfloat16, prompts in the same order through the same chat template, 8 samples of exactly 64
tokens each (the end-of-sequence token suppressed), temperature 1, no KL term, one update a batch, AdamW at the same
learning rate, all cores. Longthought's step is rollout (vLLM, one engine, compiled), verifying, learning (DeepSpeed
ZeRO-1, float32 master weights) and the proven publication of the weights; TRL's is Hugging Face generation, as it does
without a GPU, and its own update (bfloat16 weights under bfloat16 autocast, micro-batches of `--trl-rows`). TRL is run
twice: as it ships, with gradient checkpointing, and without it, which is faster; Longthought runs without it.
Steps from the second on are counted. TRL goes into an environment of its own (environment.py).

    python -m benchmarks.grpo_step [--rounds 2] [--steps 3] [--trl-steps 2] [--trl-rows 8] [--smoke]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, median, model_folder, work_folder
from benchmarks.environment import TRL_VERSION, default_folder, trl_python
from benchmarks.runs import STAGES, pooled, run_training

TARGET = 3.0


def trl(options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of TRL's steps from the second on, and the mean response length that it reports."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(options["cores"])
    texts = [json.loads(line)["prompt"] for line in Path(options["prompt_file"]).read_text().splitlines()]
    sequences = options["prompts"] * options["samples"]
    rows = min(options["trl_rows"], sequences)
    config = GRPOConfig(
        output_dir=str(Path(options["prompt_file"]).parent / "trl"),
        use_cpu=True,
        bf16=options["dtype"] == "bfloat16",
        model_init_kwargs={"dtype": options["dtype"]},
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=sequences // rows,
        num_generations=options["samples"],
        max_completion_length=options["tokens"],
        generation_kwargs={"min_new_tokens": options["tokens"]},
        temperature=1.0,
        top_k=0,
        num_iterations=1,
        beta=0.0,
        loss_type="grpo",
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        optim="adamw_torch",
        gradient_checkpointing=options["checkpointing"],
        shuffle_dataset=False,
        max_steps=options["steps"],
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    trainer = GRPOTrainer(
        model=options["model"],
        reward_funcs=_think_reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": text}]} for text in texts]),
        callbacks=[Clock()],
    )
    trainer.train()
    lengths = [row["completions/mean_length"] for row in trainer.state.log_history if "completions/mean_length" in row]
    return {
        "step": [after - before for before, after in itertools.pairwise(ends)],
        "tokens": [length * sequences for length in lengths[1:]],
    }


def _think_reward(completions: Sequence[Any], **_: Any) -> list[float]:
    """As cheap as Longthought's format verifier."""
    return [float("<think>" in completion[0]["content"]) for completion in completions]


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "longthought": run_training,
    "trl": trl,
    "trl_no_checkpointing": trl,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="smollm2, tiny-moe, or a folder; default smollm2, with --smoke tiny-moe")
    parser.add_argument("--rounds", type=int, default=2, help="times that each side is started")
    parser.add_argument("--steps", type=int, default=3, help="of Longthought each time; the first is not counted")
    parser.add_argument("--trl-steps", type=int, default=2, help="of TRL each time; the first is not counted")
    parser.add_argument("--trl-rows", type=int, default=8, help="TRL's per_device_train_batch_size (8 is its default)")
    parser.add_argument("--trl-env", type=Path, help=f"TRL's environment; default {default_folder()}")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 2 x 4 x 8 tokens, one round")
    args = parser.parse_args(argv)
    prompts, samples, tokens, dtype = 8, 8, 64, "bfloat16"
    args.model = args.model or ("tiny-moe" if args.smoke else "smollm2")
    if args.smoke:
        args.rounds, args.steps, args.trl_steps = 1, 2, 2
        prompts, samples, tokens = 2, 4, 8
    with work_folder() as work:
        bench = Bench("grpo_step", "benchmarks.grpo_step", work)
        python = trl_python(args.trl_env or default_folder())
        common = {
            "model": str(model_folder(args.model, work)),
            "dtype": dtype,
            "prompts": prompts,
            "samples": samples,
            "tokens": tokens,
            "cores": cores(),
            "prompt_file": str(_write_prompts(work, prompts * max(args.steps, args.trl_steps))),
        }
        of_trl = common | {"steps": args.trl_steps, "trl_rows": args.trl_rows}
        answers = bench.alternate(
            {
                "trl": of_trl | {"checkpointing": True},
                "trl_no_checkpointing": of_trl | {"checkpointing": False},
                "longthought": common | {"steps": args.steps, "enforce_eager": False},
            },
            args.rounds,
            dict.fromkeys(("trl", "trl_no_checkpointing"), str(python)),
        )
        _report(bench, args.model, common, answers)


def _write_prompts(work: Path, count: int) -> Path:
    """Sums of four to six terms, as plain user texts."""
    import random

    draw, path = random.Random(7), work / "prompts.jsonl"
    texts = (" + ".join(str(draw.randint(1, 99)) for _ in range(draw.randint(4, 6))) for _ in range(count))
    path.write_text("".join(json.dumps({"prompt": f"Calculate {text}. Think step by step."}) + "\n" for text in texts))
    return path


def _report(bench: Bench, model: str, options: Mapping[str, Any], answers: Mapping[str, list[dict[str, Any]]]) -> None:
    expected = options["prompts"] * options["samples"] * options["tokens"]
    counts = {round(n) for side in answers for n in pooled(answers[side], "tokens")}
    if counts != {expected}:
        raise SystemExit(f"tokens of the steps differ: {sorted(counts)}, expected {expected}")
    steps = {side: pooled(answers[side], "step") for side in answers}
    stages = {stage: median(pooled(answers["longthought"], stage)) for stage in STAGES}
    ours = steps["longthought"]
    ratios = {side: median(steps[side]) / median(ours) for side in ("trl", "trl_no_checkpointing")}
    bench.emit(
        f"one synchronous GRPO step, {model} ({options['dtype']}), {options['prompts']} prompts x "
        f"{options['samples']} samples x {options['tokens']} tokens",
        ("", "s/step (median)", "best", "steps", "times ours"),
        [
            (f"TRL {TRL_VERSION} GRPOTrainer, as it ships", *_row(steps["trl"]), ratios["trl"]),
            ("  without checkpointing", *_row(steps["trl_no_checkpointing"]), ratios["trl_no_checkpointing"]),
            ("Longthought", *_row(ours), ""),
            *((f"  {stage}", seconds, "", "", "") for stage, seconds in stages.items()),
            ("target", "", "", "", TARGET),
        ],
        model=model,
        dtype=options["dtype"],
        trl=TRL_VERSION,
        seconds_per_step=steps,
        stages=stages,
        ratio=ratios["trl"],
        ratio_no_checkpointing=ratios["trl_no_checkpointing"],
        target=TARGET,
    )


def _row(seconds: Sequence[float]) -> tuple[float, float, int]:
    return median(seconds), min(seconds), len(seconds)


if __name__ == "__main__":
    main()
