"""Recipes of `kind: distill`: what is refused and why, and what `rlhf check` shows of a good one."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest
from rich.console import Console

from cluster.distill_paper import placed_distill
from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.load import dump_recipe, load_distill, load_eval, load_train
from rlhf.recipe.plan_distill import render_distill_plan
from rlhf.recipe.problems import RecipeError
from tests.recipe.helpers import CPU, GOOD, GPU, UNKNOWN, small_model, write
from tests.recipe.kernels import kernels
from tests.recipe.test_startup import HEAVY

__all__ = ["kernels"]

GOOD_DISTILL = """\
#!/usr/bin/env -S python -m rlhf
kind: distill
policy:
  model: tiny-moe
  dtype: float32
  attention: {layers: {0-3:2: decay}}
text: {tokens: 50000, length: 256}
"""

pytestmark = pytest.mark.usefixtures("kernels")


def load(folder, *overrides, text=GOOD_DISTILL, devices: Devices = CPU):
    return load_distill(write(folder, text), (small_model(folder), *overrides), devices)


def shown(folder, *overrides, devices: Devices = CPU) -> str:
    loaded = load(folder, *overrides, devices=devices)
    console = Console(file=io.StringIO(), width=180, color_system=None)
    console.print(render_distill_plan(loaded, placed_distill(loaded.recipe, loaded.devices)))
    return re.sub(r" +", " ", console.file.getvalue())


def faults(folder, *overrides, text=GOOD_DISTILL, devices: Devices = CPU) -> str:
    with pytest.raises(RecipeError) as refusal:
        load(folder, *overrides, text=text, devices=devices)
    return str(refusal.value)


def test_a_good_one_has_no_warning_and_comes_back_as_it_was(tmp_path):
    loaded = load(tmp_path)
    assert loaded.warnings == ()
    again = tmp_path / "again.yaml"
    again.write_text(dump_recipe(loaded.recipe))
    assert load_distill(again, (), CPU).recipe == loaded.recipe


def test_the_plan(tmp_path):
    text = shown(tmp_path, "distill.logits={learn: mixers, steps: 50}", "text.begin=[<|end|>]")
    for line in (
        "│ run │ run, seed 0 │",
        "(float32) │",
        "│ student │ decay in layers 0, 2, softmax in the others; ",
        "│ text │ 50,000 tokens that the teacher samples, at most 256 each: 100% from <|end|> alone │",
        "│ held out │ 5% of the text │",
        "│ learner │ 1 rank, ZeRO 1 │",
        "│ engines │ 1 engine, tensor parallel 1, ended before learning │",
        "│ match attention outputs │ 100 │ 4,096 (8.6 epochs) │ 0.001, falling to 0.0001 │ the new layers │",
        "│ match logits │ 50 │ 4,096 (4.3 epochs) │ 0.0003, falling to 3e-05 │ the new layers │",
        "│ 0 │ learner 0, engine 0 │ learner 8, engine 8 │ 0 │",
        "│ teacher: weights │",
        "│ together │",
        "│ sampling │",
    ):
        assert line in text, line
    assert "warning" not in text


def test_the_plan_of_prompts_real_text_and_two_nodes(tmp_path):
    real = tmp_path / "t.jsonl"
    real.write_text('{"text": "a"}')
    prompts = "{train: {source: reasoning_gym, task: chain_sum, size: 9}}"
    text = shown(
        tmp_path, f"text.prompts={prompts}", "text.prompted=0.25", f"text.heldout_file={real}", "learner.ranks=2",
        devices=GPU,
    )  # fmt: skip
    for line in (
        "75% from the tokenizer's begin token alone, 25% answer prompts of reasoning_gym chain_sum",
        f"5% of the text, and {real} (at most 10,000 tokens)",
        "│ learner │ 2 ranks, ZeRO 1 │",
    ):
        assert line in text, line
    assert "begin token" in shown(tmp_path, devices=UNKNOWN)


def test_text_of_another_run_needs_no_engine(tmp_path):
    (tmp_path / "run" / "text").mkdir(parents=True)
    (tmp_path / "run" / "recipe.yaml").write_text("")
    (tmp_path / "run" / "text" / "about.json").write_text("{}")
    lines = "kind: distill\npolicy: {model: tiny-moe, attention: {default: decay}}\n"
    loaded = load(tmp_path, f"text.sampled={tmp_path}/run", text=lines)
    assert not loaded.warnings
    text = shown(tmp_path, f"text.sampled={tmp_path}/run")
    assert f"what the teacher sampled in {tmp_path}/run" in text
    assert "engine" not in text
    assert "epochs" not in text
    assert "text.tokens: has no effect: the text is that of text.sampled" in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("policy.attention=null",), "policy.attention: missing: it says which layers the student has"),
        (("policy.attention={default: softmax}",), "policy.attention: every layer stays softmax, so there is nothing"),
        (("policy.attention.layers={0-9: decay}",), "the model has 4 layers; write 0-3"),
        (("policy.attention.layers={1: dekay}",), "no attention kernel is called 'dekay'; did you mean decay?"),
        (("policy.attention.layers={1: two_way}",), "two_way (layer 1) sees the tokens that follow"),
        (("policy.attention.layers={1: metal}",), "attention metal does not run on a cpu"),
        (("policy.packing=padded",), "policy.packing: found padded: decay (layers 0, 2) runs packed sequences alone"),
        (("text.length=4096",), "text.length: found 4096: with its prompt that is 4097 tokens, and"),
        (("text.tokens=500",), "text.tokens: found 500, a handful of samples of up to 256 tokens"),
        (("text.heldout=0",), "text.heldout: found 0; write a share above 0, at most 0.5"),
        (("text.heldout=0.9",), "text.heldout: found 0.9; write a share above 0, at most 0.5"),
        (("text.begin=['']",), "text.begin: an empty string is no token"),
        (("text.heldout_file=nowhere.jsonl",), "text.heldout_file: no file nowhere.jsonl as seen from"),
        (("text.heldout_file_tokens=9",), "text.heldout_file_tokens: has no part without text.heldout_file"),
        (("text.prompted=0.5",), "text.prompted: found 0.5, and there are none; write text.prompts, or 0"),
        (
            ("text.prompts={train: {source: reasoning_gym, task: chain_sum, size: 9}}",),
            "text.prompts: text.prompted is 0, so none is answered",
        ),
        (
            ("text.prompted=1", "text.prompts={train: {source: reasoning_gym, task: chian_sum, size: 9}}"),
            "text.prompts.train.task: ",
        ),
        (
            ("text.prompted=1", "text.prompts={train: {source: jsonl, path: nowhere}, sampling: {floor: 0.5}}"),
            "text.prompts.sampling: has no part in a distillation",
        ),
        (("text.sampled=no-such-run",), "text.sampled: no run folder is no-such-run nor"),
        (("distill={attention: {steps: 0}, logits: {steps: 0}}",), "distill: both stages have 0 steps"),
        (("distill.logits={steps: 5, warmup_steps: 5}",), "distill.logits.warmup_steps: found 5 of 5 steps"),
        (("learner.learning_rate=0.1",), "learner.learning_rate: each stage has its own; write distill.attention.l"),
        (("learner.warmup_steps=3",), "learner.warmup_steps: each stage has its own"),
        (("learner.lora={rank: 4}",), "learner.lora: new layers are learned whole"),
        (("learner.router_aux_coef=0.1",), "learner.router_aux_coef: the student's routers learn from the teacher"),
        (("learner={ranks: 2, sequence_parallel: 2}",), "learner.sequence_parallel: found 2: not in a distillation"),
        (("learner.ranks=9",), "learner.ranks: found 9 on 8 cores; write at most 8"),
        (("learner={ranks: 4, cpus_per_rank: 4}",), "learner.cpus_per_rank: found 4 for each of 4 ranks on 8 cores"),
        (("learner.betas=[0.9, 1.0]",), "learner.betas.1: found 1: Adam divides by 1 - beta"),
        (("learner.offload_optimizer=true",), "on a CPU the optimizer lies in host memory already"),
        (("cluster.share_gpus=true",), "cluster.share_gpus: the engines have ended when the learner starts"),
        (("engines.engines=9",), "engines.engines: found 9 engines x 1 tensor_parallel on 8 cores"),
        (("engines.engin=9",), "did you mean engines.engines?"),
        (("data={train: {}}",), "data: "),
    ],
)
def test_nonsense_is_refused(tmp_path, overrides, message):
    assert message in faults(tmp_path, *overrides)


def test_a_model_whose_layers_were_replaced_is_no_teacher(tmp_path):
    layers = [{"kernel": "decay", "settings": {}}] * 4
    model = small_model(tmp_path, model_type="longthought_qwen3_moe", attention={"layers": layers})
    for attention in ("{default: decay}", "{layers: {1: decay}}"):
        with pytest.raises(RecipeError) as refusal:
            load_distill(write(tmp_path, GOOD_DISTILL), (model, f"policy.attention={attention}"), CPU)
        assert "were replaced already, so it is no softmax teacher; name the model that" in str(refusal.value)
        assert len(refusal.value.problems) == 1


def test_layers_that_nothing_can_replace(tmp_path):
    model = small_model(tmp_path, model_type="mixtral", num_local_experts=4)
    with pytest.raises(RecipeError, match="cannot be replaced; those of"):
        load_distill(write(tmp_path, GOOD_DISTILL), (model,), CPU)
    model = small_model(tmp_path, model_type="gpt2")
    with pytest.raises(RecipeError, match="only the layers of llama"):
        load_distill(write(tmp_path, GOOD_DISTILL), (model,), CPU)


def test_wrong_layers_are_not_called_softmax_besides(tmp_path):
    said = faults(tmp_path, "policy.attention.layers={1-30:2: decay}")
    assert "policy.attention.layers.1-30:2: found 1-30:2, and the model has" in said
    assert "nothing to distil" not in said
    assert "nothing to distil" in faults(tmp_path, "policy.attention.layers={1: softmax}")


def test_a_kernel_that_no_engine_holds_may_be_distilled(tmp_path):
    """It trains and scores; a training recipe refuses it by name."""
    (warning,) = load(tmp_path, "policy.attention.layers={1: blocks}").warnings
    assert "policy.attention: no engine samples with blocks: what comes of it can be scored" in str(warning)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("text.tokens=5000",), "distill.attention.steps: found 100: 86 times through the same text"),
        (("policy.model=tiny-moe",), "policy.model: tiny-moe has weights that were never trained"),
        (("policy.model=nobody/nothing",), "nobody/nothing is not on this machine yet"),
    ],
)
def test_what_is_only_odd_is_warned_of(tmp_path, overrides, message):
    assert any(message in str(warning) for warning in load(tmp_path, *overrides).warnings)


def test_too_little_memory_is_warned_of(tmp_path):
    small = Devices("cpu", 1, 8, 0, GIB // 64)
    assert any("student and teacher want about" in str(w) for w in load(tmp_path, devices=small).warnings)


def test_other_kinds_are_told_apart(tmp_path):
    path = write(tmp_path, GOOD_DISTILL)
    with pytest.raises(RecipeError, match="kind: found distill, where a training recipe is needed"):
        load_train(path, (), CPU)
    with pytest.raises(RecipeError, match="kind: found distill, where an evaluation's recipe is needed"):
        load_eval(path, (), CPU)
    with pytest.raises(RecipeError, match="kind: found train, where a distillation's is needed"):
        load_distill(write(tmp_path, GOOD), (), CPU)
    with pytest.raises(RecipeError, match="neither data nor reward, says kind: distill"):
        load_distill(write(tmp_path, GOOD_DISTILL.replace("kind: distill\n", "")), (), CPU)


PROGRAM = """
import json, sys
from rlhf.recipe.load import load_checked
from rlhf.recipe.plan_distill import render_distill_plan
from rlhf.recipe.problems import RecipeError
try:
    render_distill_plan(load_checked(sys.argv[1], sys.argv[2:]), [])
    outcome = "good"
except RecipeError as error:
    outcome = str(error)
print(json.dumps({"outcome": outcome, "modules": sorted({m.partition(".")[0] for m in sys.modules})}))
"""


@pytest.mark.parametrize(
    ("override", "fragment"), [("distill.evaluate_every=5", "good"), ("text.heldout=0", "found 0")]
)
def test_nothing_heavy_is_imported(tmp_path, override, fragment):
    text = GOOD_DISTILL.replace("decay", "linear")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(write(tmp_path, text)), override],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert fragment in found["outcome"]
    assert not set(HEAVY) & set(found["modules"])
