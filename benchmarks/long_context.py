"""Long sequences on the tiny MoE: softmax in every layer against hybrids, learning and generating, 1k to 16k tokens.

`--attention linear,lightning` makes a hybrid of each: that kernel in every layer but the last, which stays softmax.

learn: seconds and peak memory of a learner's step (LearnerRank) on one sequence of that length, without and with
gradient checkpointing. memory: peak memory of such a step with a vocabulary like a real model's (--vocabulary), with
the logits of all tokens at once, of 1,024 at a time (learner.logit_chunk), and with gradient checkpointing too.
generate: the real engine samples responses of the longest length, end token suppressed; seconds until each length, time
a token there, the cache pages in use and the engine's resident memory; policies with the kernel in every layer, too.

Every side is a process of its own; sides of a part are run in turn. With --out FOLDER each side's answer is kept there:
called again with the same options, the program goes on.

    python -m benchmarks.long_context [--attention linear,lightning] [--set linear.rope=inputs] [--out FOLDER] [--smoke]
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, table, work_folder
from benchmarks.kept import Kept, write_line
from benchmarks.long_answers import Answers
from benchmarks.long_generation import generate
from benchmarks.long_learning import learn
from benchmarks.long_policies import LongPolicy, settings_of

PARTS = ("learn", "memory", "generate")
LENGTHS, SMOKE_LENGTHS = "1024,2048,4096,8192,16384", "128,256"
LOGIT_CHUNK = 1024
VARIANTS: Mapping[str, tuple[int | None, bool]] = {  # learner.logit_chunk, learner.gradient_checkpointing
    "all logits at once": (None, False),
    f"logits of {LOGIT_CHUNK:,} tokens": (LOGIT_CHUNK, False),
    f"logits of {LOGIT_CHUNK:,} tokens, checkpointing": (LOGIT_CHUNK, True),
}
CHECKPOINTING = {False: "", True: ", checkpointing"}

SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"learn": learn, "generate": generate}


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or DeepSpeed says on stdout that it looked for a GPU
    with work_folder() as work:
        bench = Bench("long_context", "benchmarks.long_context", work)
        run = Run(args, Kept(bench, args.out), (args.out or work) / "policies")
        answers = Answers(args.lengths)
        for part in args.parts:
            getattr(run, part)(answers)
        for title, header, rows in answers.tables():
            print(f"\n{table(title, header, rows)}")
        figures = {"options": run.options(), **answers.as_json()}
        bench.emit("softmax against hybrids", *answers.summary(), **figures)
        write_line(args.json, bench, figures)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attention", default="linear,lightning", help="kernels, each in a hybrid of its own")
    parser.add_argument("--set", action="append", default=[], metavar="KERNEL.KEY=VALUE", help="a kernel's setting")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--lengths", help=f"in tokens; default {LENGTHS}")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batches", default="1,8", help="sequences that are generated at a time")
    parser.add_argument("--vocabulary", type=int, default=32768, help="of the policies of part memory")
    parser.add_argument("--kv-cache-gib", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=1, help="times that each side is started")
    parser.add_argument("--repeats", type=int, default=3, help="steps of a learner at each length, each time")
    parser.add_argument("--out", type=Path, help="where every side's answer is kept")
    parser.add_argument("--json", type=Path, help="where the last line is written, too")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 128 and 256 tokens, once")
    args = parser.parse_args(argv)
    if args.smoke:
        args.rounds, args.repeats, args.lengths = 1, 1, args.lengths or SMOKE_LENGTHS
    args.lengths = sorted(map(int, (args.lengths or LENGTHS).split(",")))
    args.batches = [int(batch) for batch in args.batches.split(",")]
    args.parts = args.parts.split(",")
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"--parts {', '.join(sorted(unknown))}: write of {', '.join(PARTS)}")
    return args


class Run:
    """The parts, side by side."""

    def __init__(self, args: argparse.Namespace, kept: Kept, policies: Path) -> None:
        self.args, self.kept, self.folder = args, kept, policies
        settings = settings_of(args.set)
        self.kernels = args.attention.split(",")
        self.settings = {kernel: settings.get(kernel, {}) for kernel in self.kernels}
        for policy in self.policies():
            policy.layers(4)  # refused before anything is run
            if "generate" in args.parts:
                policy.require_sampled()

    def policies(self, vocabulary: int | None = None, alone: bool = False) -> list[LongPolicy]:
        """Softmax, a hybrid each, and, if wanted, a policy of each kernel alone."""
        kinds = (False, True) if alone else (False,)
        own = [LongPolicy(k, each, self.settings[k], vocabulary) for each in kinds for k in self.kernels]
        return [LongPolicy(vocabulary=vocabulary), *own]

    def options(self) -> dict[str, Any]:
        args = self.args
        names = ("lengths", "dtype", "batches", "vocabulary", "rounds", "repeats", "parts")
        return {"settings": self.settings, **{name: getattr(args, name) for name in names}}

    def learn(self, answers: Answers) -> None:
        for turn in range(self.args.rounds):
            for checkpointing, words in CHECKPOINTING.items():
                for policy in self.policies():
                    name = f"learn, {policy.name}{words}"
                    answer = self._learner(name, turn, policy, LOGIT_CHUNK, checkpointing, self.args.repeats)
                    answers.learnt(policy.name, words, answer)

    def memory(self, answers: Answers) -> None:
        for variant, (chunk, checkpointing) in VARIANTS.items():
            for policy in self.policies(self.args.vocabulary):
                answer = self._learner(f"memory, {policy.name}, {variant}", 0, policy, chunk, checkpointing, 1)
                answers.remembered(policy.name, variant, answer)

    def generate(self, answers: Answers) -> None:
        for turn in range(self.args.rounds):
            for batch in self.args.batches:
                for policy in self.policies(alone=True):
                    options = {
                        "model": str(policy.write(self.folder)),
                        "dtype": self.args.dtype,
                        "cores": cores(),
                        "lengths": self.args.lengths,
                        "batch": batch,
                        "kv_cache_gib": self.args.kv_cache_gib,
                    }
                    name = f"generate, {policy.name}, {batch} at a time, round {turn + 1}"
                    answers.generated(policy.name, batch, self.kept.run(name, "generate", options))

    def _learner(
        self, name: str, turn: int, policy: LongPolicy, chunk: int | None, checkpointing: bool, repeats: int
    ) -> dict[str, Any]:
        options = {
            "model": str(policy.write(self.folder)),
            "dtype": self.args.dtype,
            "threads": cores(),
            "lengths": self.args.lengths,
            "repeats": repeats,
            "logit_chunk": chunk,
            "gradient_checkpointing": checkpointing,
        }
        return self.kept.run(f"{name}, round {turn + 1}", "learn", options)


if __name__ == "__main__":
    main()
