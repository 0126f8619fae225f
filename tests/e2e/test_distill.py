"""A distillation with real engines and learners: sampled, learned, interrupted, gone on with; and what comes of it."""

from __future__ import annotations

import json
import shutil
import signal
import statistics
from pathlib import Path

import pytest
import torch
import yaml

from rlhf.models.tiny.build import HERE
from rlhf.models.tiny.tokenizer import FILES
from tests.e2e.runs import Run, metrics, write_recipe

FIRST, SECOND = 80, 20  # steps of the stages: the first long enough to be interrupted
RECIPE = {
    "kind": "distill",
    "text": {
        "tokens": 12_000,  # a tenth is held out: enough that what is regained stands out from chance
        "length": 24,
        "prompted": 0.4,
        "prompts": {"train": {"source": "reasoning_gym", "task": "chain_sum", "size": 20}, "max_prompt_tokens": 128},
        "heldout": 0.1,
    },
    "distill": {
        "attention": {"steps": FIRST, "tokens_per_step": 300, "learning_rate": 0.01, "warmup_steps": 1},
        "logits": {"steps": SECOND, "tokens_per_step": 300, "learning_rate": 0.002, "warmup_steps": 1},
        "evaluate_every": 20,
        "checkpoint_every": 0,
    },
    "engines": {"kv_cache_gib": 0.1, "dtype": "float32"},
    "learner": {"token_budget": 1024, "cpus_per_rank": 1},
    "tracking": {"tensorboard": False},
    "cluster": {"address": "local"},
}


def write_llama(folder: Path) -> Path:
    """A random Llama of two layers with the built-in model's tokenizer, whose second layer's attention says much.

    (Where it says little, as at its first values, what converting it costs is within the noise of the held-out text,
    and that text is another on every machine: which requests an engine answers together is up to chance.)
    """
    import transformers

    own = json.loads((HERE / "config.json").read_text())
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        head_dim=32, max_position_embeddings=1024, initializer_range=0.2, tie_word_embeddings=True,
        **{key: own[key] for key in ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")},
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    attention = model.get_decoder().layers[1].self_attn
    for projection in (attention.v_proj, attention.o_proj):
        projection.weight.data.mul_(3.0)
    model.save_pretrained(folder)
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> tuple[Path, Path]:
    """A recipe's file and the folder that its run has."""
    folder = tmp_path_factory.mktemp("distill")
    model = write_llama(folder / "model")
    policy = {"model": str(model), "dtype": "float32", "attention": {"layers": {"1": {"kernel": "linear"}}}}
    recipe = {**RECIPE, "run": {"name": "d", "root": str(folder / "runs")}, "policy": policy}
    path = folder / "distill.yaml"
    path.write_text("#!/usr/bin/env -S python -m rlhf\n" + yaml.safe_dump(recipe))
    return path, folder / "runs" / "d"


@pytest.fixture(scope="module")
def distilled(work) -> tuple[Path, Run, Run]:
    """The run's folder, its first part, which is told to end in its first stage, and its second."""
    path, folder = work
    first = Run(path)
    first.until(f"step 1/{FIRST + SECOND}")
    first.process.send_signal(signal.SIGINT)
    assert first.end() == 130, first.text
    second = Run(path, "--resume")
    assert second.end() == 0, second.text
    return folder, first, second


def test_interrupted_and_resumed_it_learns_to_the_end(distilled):
    folder, first, second = distilled
    assert "ending this step, then writing a checkpoint" in first.text
    assert "continue with: rlhf train" in first.text
    assert "resumed from" in second.text
    assert "sampled" not in second.text.split("resumed from")[0].split("text:")[0], "the text is not sampled again"
    rows = metrics(folder)
    assert [row["step"] for row in rows] == list(range(FIRST + SECOND + 1))
    assert rows[FIRST]["distill/error"] < rows[1]["distill/error"]
    reached = json.loads((folder / "distillation.json").read_text())["sampled"]
    lost = reached["before"] - reached["teacher"]  # of the teacher's own text: the divergence, but for chance
    kl = [row["distill/kl"] for row in rows[FIRST + 1 :]]
    assert min(kl) > 0.0
    assert statistics.mean(kl) < lost
    assert 0.1 < reached["regained"] < 1.0
    assert reached["regained"] == pytest.approx((reached["before"] - reached["last"]) / lost)
    assert reached["last"] == rows[-1]["heldout/sampled_nats"]
    assert (folder / "curve.svg").is_file()
    for run in (first, second):
        assert run.left_behind() == []


def test_the_teacher_samples_what_the_recipe_asks_for(distilled):
    folder, _, _ = distilled
    samples = [json.loads(line) for line in (folder / "text" / "sampled.jsonl").read_text().splitlines()]
    assert sum(len(s["tokens"]) for s in samples) >= 12_000
    assert max(len(s["tokens"]) for s in samples) <= 24
    prompted = [s for s in samples if len(s["prompt"]) > 1]
    assert 0.3 < len(prompted) / len(samples) < 0.5
    assert {tuple(s["prompt"]) for s in samples if s not in prompted} == {(1,)}


@pytest.mark.full
def test_what_was_distilled_trains_and_evaluates(distilled, tmp_path):
    folder, _, _ = distilled
    weights = folder / "checkpoints" / f"step_{FIRST + SECOND}" / "hf"
    trained = Run(
        write_recipe(tmp_path, policy={"model": str(weights)}, trainer={"steps": 1, "checkpoint_every": 0}),
        environment={"HF_HUB_OFFLINE": "1"},
    )
    assert trained.end() == 0, trained.text
    assert "engine and learner" in trained.text  # the parity gate, which refuses
    results = tmp_path / "r.json"
    evaluated = Run(
        str(folder), "-b", "reasoning_gym:chain_sum", "--out", str(results), "--limit", "4", "--max-tokens", "16",
        command="eval",
    )  # fmt: skip
    assert evaluated.end() == 0, evaluated.text
    assert results.is_file()
