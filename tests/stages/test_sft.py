"""The warm-up: what is learned from a demonstration, in which order, and that nothing held out is shown."""

import json
from itertools import islice

import numpy as np
import pytest

from rlhf.learner.spec import StepResult
from rlhf.models.tiny.build import write_tiny_moe
from rlhf.recipe.load import load_recipe
from rlhf.stages.demonstrations import Demonstration
from rlhf.stages.sft import batches, demonstration_sequence, run_warmup
from rlhf.types import Prompt
from tests.stages.test_demonstrations import DEMO


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(write_tiny_moe(tmp_path_factory.mktemp("tiny"), seed=0))


class Learner:
    """Records what it is told; its loss falls by one a step."""

    def __init__(self):
        self.stages, self.seen = [], []

    async def start_stage(self, learning_rate, warmup_steps, weight_decay):
        self.stages.append((len(self.seen), learning_rate, warmup_steps, weight_decay))

    async def sft_step(self, sequences):
        self.seen.append([s.group for s in sequences])
        return StepResult(len(self.seen), 100.0 - len(self.seen), 1.0, 1e-3)


class View:
    def __init__(self):
        self.notes = []

    def stage(self, name, detail=""):
        pass

    def note(self, text):
        self.notes.append(text)


def recipe_with(tmp_path, lines, *overrides):
    path = tmp_path / "shown.jsonl"
    path.write_text("".join(json.dumps({"prompt": p, "response": r}) + "\n" for p, r in lines))
    common = (f"warmup={{demonstrations: {path}, size: {len(lines)}, steps: 40, batch_size: 4}}",)
    return load_recipe(DEMO, (*common, *overrides))


def test_the_response_and_the_end_of_sequence_are_learned_and_the_prompt_is_not(tmp_path, tokenizer):
    recipe = recipe_with(tmp_path, [("1 + 2", "\\boxed{3}")] * 4)
    sequence = demonstration_sequence(Demonstration("1 + 2", "\\boxed{3}"), 7, recipe, tokenizer)
    assert sequence.group == 7
    assert tokenizer.decode(sequence.response_ids_R[:-1]) == "\\boxed{3}"
    assert sequence.response_ids_R[-1] == tokenizer.eos_token_id
    assert "1 + 2" in tokenizer.decode(sequence.prompt_ids_P)
    assert sequence.mask_R.tolist() == [1.0] * len(sequence.response_ids_R)


def test_an_epoch_shows_each_once_and_the_next_in_another_order(tmp_path, tokenizer):
    recipe = recipe_with(tmp_path, [("1 + 2", "3")] * 4)
    made = [demonstration_sequence(Demonstration("1 + 2", "3"), i, recipe, tokenizer) for i in range(10)]
    drawn = [[s.group for s in batch] for batch in islice(batches(made, 5, seed=1), 4)]
    first, second = drawn[0] + drawn[1], drawn[2] + drawn[3]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    again = [[s.group for s in batch] for batch in islice(batches(made, 5, seed=1), 4)]
    assert again == drawn
    other = [s.group for s in next(batches(made, 5, seed=2))]
    assert other != drawn[0]


async def test_the_rl_stage_gets_the_learner_with_its_own_schedule(tmp_path, tokenizer):
    lines = [(f"{i} + 1", f"\\boxed{{{i + 1}}}") for i in range(8)]
    recipe = recipe_with(tmp_path, lines, "learner.learning_rate=0.0003", "learner.warmup_steps=2")
    learner, view = Learner(), View()
    held = Prompt("heldout/0", "3 + 1" + recipe.data.prompt_suffix, (1,), "4", {})
    facts = await run_warmup(learner, recipe, tokenizer, [held], view)
    assert facts == {
        "steps": 40,
        "demonstrations": 7,
        "left_out_as_held_out": 1,
        "loss_first": float(np.mean([99.0 - i for i in range(20)])),
        "loss_last": float(np.mean([79.0 - i for i in range(20)])),
    }
    assert any("1 demonstrations of held-out prompts left out" in note for note in view.notes)
    assert learner.stages == [(0, 1e-3, 20, 0.0), (40, 3e-4, 2, recipe.learner.weight_decay)]
    assert {len(batch) for batch in learner.seen} == {4}


async def test_too_few_left_for_a_batch_is_said_before_training(tmp_path, tokenizer):
    recipe = recipe_with(tmp_path, [(f"{i} + 1", "x") for i in range(4)])
    learner = Learner()
    held = [Prompt("heldout/0", "0 + 1", (1,), "1", {})]
    with pytest.raises(ValueError, match="3 demonstrations do not fill a batch of 4"):
        await run_warmup(learner, recipe, tokenizer, held, View())
    assert learner.seen == []
