"""What `rlhf check` prints."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pytest
from rich.console import Console

from cluster.on_paper import placed
from rlhf.recipe.plan import describe_devices, render_plan
from rlhf.recipe.sandboxes import sandbox_lines
from tests.recipe.helpers import CPU, GOOD, GPU, UNKNOWN, load, small_model


@dataclass
class Place:
    node: int
    role: str
    index: int
    cpus: float
    gpus: float
    rides: tuple[int, ...] = ()


def shown(loaded, placement, sandboxes=()) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(render_plan(loaded, placement, sandboxes))
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


def test_the_sandbox_of_code_rewards_is_tried_where_there_are_any(tmp_path):
    loaded = load(
        tmp_path, GOOD, ("reward=[{verifier: code}, {verifier: code, name: b, config: {sandbox: landlock}}]",)
    )
    lines = sandbox_lines(loaded.recipe)
    assert [line.partition(":")[0] for line in lines] == ["bwrap", "landlock"]
    assert all("attacks refused" in line or "not here" in line for line in lines)
    assert f"sandbox of code rewards: {lines[0]}"[:60] in shown(loaded, [], lines)
    assert sandbox_lines(load(tmp_path).recipe) == []


def test_equal_nodes_share_a_row(tmp_path):
    placement = [Place(0, "learner", i, 1, 1) for i in range(8)]
    placement += [Place(n, "engine", 2 * n + k, 1, 4) for n in range(1, 1000) for k in range(2)]
    text = shown(load(tmp_path), placement)
    assert "│ 0 │ learner 0-7 │ learner 8 │ 8 │" in text
    assert "│ 1-999 │ 2 engines each │ engine 2 │ 8 │" in text


def test_zero_and_offload_are_told(tmp_path):
    loaded = load(tmp_path, GOOD, ("learner.ranks=4", "learner.zero_stage=2", "learner.offload_optimizer=true"), GPU)
    text = shown(loaded, [])
    assert "│ learner: weights │ 0.003 │ bfloat16, all of them │" in text
    assert "float32 sums, 1/4 of them" in text
    assert "GiB in host memory" in text


def shared(tmp_path, *overrides):
    """The plan of a recipe whose learner and engines share the GPUs of two nodes, placed as `rlhf check` places it."""
    needed = ("cluster.share_gpus=true", "rollout.gpu_memory_utilization=0.4")
    loaded = load(tmp_path, GOOD, (small_model(tmp_path), *needed, *overrides), GPU)
    return shown(loaded, placed(loaded.recipe, loaded.devices))


def test_shared_gpus_are_told_and_their_memory_is_added_up(tmp_path):
    text = shared(tmp_path, "learner.ranks=4", "rollout.engines=2", "rollout.tensor_parallel=2")
    assert "│ 0 │ learner 0-3, engine 0-1 on the GPUs of learner 0-3, verifier 0 │" in text
    assert "│ 4, shared by learner and engine │" in text
    assert "│ 1 │ verifier 1 │ verifier 32 │ 0 │" in text
    together = float(re.search(r"both together │ ([\d.]+) │ a rank and a worker of an engine on one GPU │", text)[1])
    parts = [float(re.search(rf"│ {part} │ ([\d.]+) │", text)[1]) for part in ("learner: together", "engine: weights")]
    cache = float(re.search(r"│ engine: KV cache │ ([\d.]+) │", text)[1])
    assert together == pytest.approx(sum(parts) + cache, abs=0.1) == pytest.approx(32.0 + parts[0], abs=0.1)
    full = shared(tmp_path, "learner.ranks=16", "rollout.engines=16")
    assert "│ 0-1 │ 8 learners and 8 engines and 1 verifier each │" in full
    assert "│ 8, shared by learner and engine │" in full


def test_too_much_for_a_shared_gpu_says_what_is_left(tmp_path):
    text = shared(
        tmp_path,
        "cluster.memory_per_device_gib=80",
        "rollout.gpu_memory_utilization=0.7",
        "learner.logit_chunk=10000000",
    )
    # 2 x 4 x 10^7 x 358 bytes of logits are 26.7 GiB, and the engine asks for 56 of the 80
    text = " ".join(text.split())
    assert re.search(r"on one GPU want 82\.\d GiB, 2\.\d more than there is; write 0\.66", text)
    text = shared(tmp_path, "learner.logit_chunk=30000000")
    text = " ".join(text.split())
    assert "more than there is; the engine's weights do not fit beside the rank" in text


def test_unshared_gpus_are_not_added_up(tmp_path):
    loaded = load(tmp_path, GOOD, (small_model(tmp_path),), GPU)
    text = shown(loaded, placed(loaded.recipe, loaded.devices))
    assert "learner: together" in text
    assert "both together" not in text
    assert "shared by" not in text


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


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        ("softmax", "softmax in every layer; positions stretched (yarn, factor 2) to 4096 tokens"),
        ("vq", "positions stretched (yarn, factor 2)"),
        ("{kernel: linear, rope: inputs}", "positions stretched (yarn, factor 2)"),
        ("{kernel: linear, rope: none}", "context, for no layer has positions to stretch, stretched (yarn, factor 2)"),
    ],
)
def test_positions_are_said_to_be_stretched_where_a_layer_has_some(tmp_path, kernel, says):
    asked = f"policy.attention={{default: {kernel}, rope: {{type: yarn, factor: 2}}}}"
    assert says in shown(load(tmp_path, GOOD, (small_model(tmp_path), asked), CPU), [])
