"""What `rlhf check` prints."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from rich.console import Console

from rlhf.recipe.plan import describe_devices, render_plan
from tests.recipe.helpers import CPU, GOOD, GPU, UNKNOWN, load, small_model


@dataclass
class Place:
    node: int
    role: str
    index: int
    cpus: float
    gpus: float


def shown(loaded, placement) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(render_plan(loaded, placement))
    return re.sub(r" +", " ", console.file.getvalue())


def test_plan_of_a_small_moe_on_a_cpu(tmp_path):
    text = shown(
        load(tmp_path, GOOD, (small_model(tmp_path),)),
        [Place(0, "learner", 0, 2, 0), Place(0, "engine", 0, 2, 0), Place(0, "engine", 1, 2, 0)],
    )
    assert "/model (bfloat16) │" in text
    assert "│ learner │ 1 rank, ZeRO 1 │" in text
    assert "│ 0 │ learner 0, engine 0-1 │ learner 2, engine 4 │ 0 │" in text
    assert "1.82 M parameters (641.15 k active)" in text
    assert "│ engine: KV cache │ 0.500 │ 524,288 tokens of 1024 bytes, 512 sequences of full length │" in text
    assert "│ tokens │ 131,072 │ 262,144 │" in text
    assert "32.0 │ a node, all of whose ranks and engines share it │" in text
    assert "warning" not in text


def test_equal_nodes_share_a_row(tmp_path):
    placement = [Place(0, "learner", i, 1, 1) for i in range(8)]
    placement += [Place(n, "engine", 2 * n + k, 1, 4) for n in range(1, 1000) for k in range(2)]
    text = shown(load(tmp_path), placement)
    assert "│ 0 │ learner 0-7 │ learner 8 │ 8 │" in text
    assert "│ 1-999 │ 2 engines each │ engine 2 │ 8 │" in text


def test_zero_and_offload_are_told(tmp_path):
    loaded = load(tmp_path, GOOD, ("learner.ranks=4", "learner.zero_stage=2", "learner.offload_optimizer=true"), GPU)
    text = shown(loaded, [])
    assert "bfloat16, 1/4 of them" in text
    assert "GiB in host memory" in text


def test_an_unknown_model_leaves_out_its_memory_and_says_so(tmp_path):
    text = shown(load(tmp_path, GOOD, ("policy.model=some/model",)), [])
    assert "memory per device" not in text
    assert "warning" in text
    assert "some/model is not on this machine yet" in text


def test_markup_in_a_recipe_is_text(tmp_path):
    loaded = load(tmp_path, GOOD, ("policy.model='[bold]x[/nothing]'",))
    assert "[bold]x[/nothing]" in shown(loaded, [])


def test_devices_in_words():
    assert describe_devices(CPU) == "1 node of 8 cores"
    assert describe_devices(GPU) == "2 nodes of 64 cores, 8 GPUs"
    assert describe_devices(UNKNOWN).startswith("nodes unknown before Ray is asked")
