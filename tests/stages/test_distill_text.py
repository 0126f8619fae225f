"""The text of a distillation: what the teacher is asked, what is kept of a killed run, and what is held out."""

from __future__ import annotations

import asyncio
import gzip
import json

import numpy as np
import pytest

from rlhf.recipe.data_schema import DataConfig
from rlhf.recipe.distill_schema import DistillRecipe, DistillTextConfig
from rlhf.rollout.sampling import EngineLostError, RawSample
from rlhf.run_folder import RunFolderError
from rlhf.stages.distill.beginnings import Beginnings, begin_tokens, beginnings
from rlhf.stages.distill.folder import open_distill_run
from rlhf.stages.distill.samples import Sample, TextError, TextFile
from rlhf.stages.distill.sampling import MOST_ATTEMPTS, sample_text
from rlhf.stages.distill.sequences import batches, real_text, split
from rlhf.stages.distill.text import text_of
from rlhf.types import Segment


class Engines:
    """Answers with as many tokens as the prompt's first token says, the same each; fails as often as it is told."""

    def __init__(self, length: int = 8, failures: int = 0) -> None:
        self.length, self.failures = length, failures
        self.asked: list[tuple[int, ...]] = []
        self.at_once = self.most = 0

    async def generate(self, prompt_ids, sampling):
        assert (sampling.n, sampling.temperature, sampling.plain) == (1, 1.0, True)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.failures:
            self.failures -= 1
            raise EngineLostError("gone")
        self.asked.append(tuple(prompt_ids))
        ids = np.arange(min(self.length, sampling.max_tokens))
        return [RawSample((Segment(0, ids, np.full(len(ids), np.nan, np.float32)),), "stop", None)]


class Tokenizer:
    """A token a letter."""

    bos_token_id, eos_token_id, chat_template = 1, 2, None
    all_special_tokens = ("<b>", "<e>")

    def get_vocab(self):
        return {"<b>": 1, "<e>": 2}

    def __call__(self, text, *, add_special_tokens=True):
        return {"input_ids": [ord(letter) for letter in text]}


def sample(engines, folder, tokens=100, at_once=4, starts=None, length=16, notes=None):
    starts = starts or Beginnings((1, 2))
    note = (notes if notes is not None else []).append
    return asyncio.run(sample_text(engines, TextFile(folder), starts, tokens, length, at_once, note))


def tokens_of(samples) -> int:
    return sum(len(s.tokens) for s in samples)


def test_it_samples_until_there_is_enough_and_throws_nothing_away(tmp_path):
    engines, notes = Engines(), []
    found = sample(engines, tmp_path, notes=notes)
    assert 100 <= tokens_of(found) < 100 + 4 * 8
    assert len(found) == len(engines.asked)
    assert engines.most == 4
    assert [s.number for s in found] == list(range(len(found)))
    assert TextFile(tmp_path).read() == found
    assert notes[-1].startswith(f"sampled {tokens_of(found)} of 100 tokens")


def test_a_killed_run_asks_for_the_rest_alone(tmp_path):
    whole = sample(Engines(), tmp_path / "whole")
    kept = TextFile(tmp_path / "cut")
    kept.keep(whole[:7])
    with (kept.folder / "sampled.jsonl").open("a") as file:
        file.write('{"number": 7, "prompt": [1], "tok')  # a kill in the midst of a line
    engines = Engines()
    found = sample(engines, kept.folder)
    assert found[:7] == whole[:7]
    assert len(engines.asked) == len(found) - 7
    assert engines.asked[0] == whole[7].prompt
    assert TextFile(kept.folder).read() == found
    assert sample(Engines(failures=1), kept.folder) == found, "nothing is lacking: nobody is asked"


def test_a_lost_engine_is_asked_again_and_a_dead_one_raises(tmp_path):
    assert tokens_of(sample(Engines(failures=3), tmp_path / "a")) >= 100
    with pytest.raises(EngineLostError):
        sample(Engines(failures=10**6), tmp_path / "b", at_once=1)
    engines = Engines(failures=MOST_ATTEMPTS - 1)
    assert tokens_of(sample(engines, tmp_path / "c", at_once=1)) >= 100


def test_an_interrupted_run_keeps_what_came(tmp_path):
    class Slow(Engines):
        async def generate(self, prompt_ids, sampling):
            if len(self.asked) == 5:
                raise asyncio.CancelledError
            return await super().generate(prompt_ids, sampling)

    with pytest.raises(asyncio.CancelledError):
        sample(Slow(), tmp_path, at_once=1)
    assert len(TextFile(tmp_path).read()) == 5


def test_beginnings_take_turns():
    starts = Beginnings((1, 2), ((7, 7), (8, 8, 8)), prompted=0.4)
    asked = [starts.of(i) for i in range(10)]
    assert asked == [(1,), (2,), (7, 7), (1,), (8, 8, 8), (2,), (1,), (7, 7), (2,), (8, 8, 8)]
    assert starts.longest == 3
    assert [Beginnings((1,)).of(i) for i in (0, 9)] == [(1,), (1,)]
    assert {Beginnings((1,), ((5, 6),), 1.0).of(i) for i in range(9)} == {(5, 6)}


def test_prompts_are_those_of_a_data_section(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"prompt": letter * 3}) + "\n" for letter in "abcd"))
    source = {"source": "jsonl", "path": str(path), "reference_field": None}
    data = DataConfig.model_validate({"train": source, "max_prompt_tokens": 8, "shuffle": False})
    text = DistillTextConfig(prompted=0.5, prompts=data)
    starts, report = beginnings(text, Tokenizer(), seed=0)
    assert starts == Beginnings((1,), tuple((ord(letter),) * 3 for letter in "abcd"), 0.5)
    assert "4" in report
    shuffled = DistillTextConfig(prompted=0.5, prompts=data.model_copy(update={"shuffle": True}))
    first = beginnings(shuffled, Tokenizer(), seed=1)[0].prompts
    assert sorted(first) == sorted(starts.prompts)
    assert beginnings(shuffled, Tokenizer(), seed=1)[0].prompts == first


def test_begin_tokens():
    assert begin_tokens(DistillTextConfig(begin=["<e>", "<b>"]), Tokenizer()) == (2, 1)
    assert begin_tokens(DistillTextConfig(), Tokenizer()) == (1,)
    other = Tokenizer()
    other.bos_token_id = None
    assert begin_tokens(DistillTextConfig(), other) == (2,)
    other.eos_token_id = None
    with pytest.raises(TextError, match="neither a begin nor an end token; name a token"):
        begin_tokens(DistillTextConfig(), other)
    with pytest.raises(TextError, match="<x> is no token of the model; its special ones: <b>, <e>"):
        begin_tokens(DistillTextConfig(begin=["<x>", "<b>"]), Tokenizer())


def test_whole_samples_are_held_out_and_the_same_again():
    samples = [Sample(i, (1,), tuple(range(i % 7 + 1))) for i in range(200)]
    train, held = split(samples, 0.1, seed=3)
    assert len(train) + len(held) == 200
    assert not {s.group for s in train} & {s.group for s in held}
    total = tokens_of(samples)
    assert 0.1 * total <= sum(len(s.response_ids_R) for s in held) <= 0.1 * total + 7
    assert [s.group for s in split(samples, 0.1, seed=3)[1]] == [s.group for s in held]
    assert [s.group for s in split(samples, 0.1, seed=4)[1]] != [s.group for s in held]
    assert [len(part) for part in split(samples[:2], 0.01, seed=0)] == [1, 1]
    with pytest.raises(TextError, match=r"1 samples are too few to hold one out; write more text\.tokens"):
        split(samples[:1], 0.5, seed=0)


def test_every_token_of_a_batch_counts_and_every_sequence_comes_once_an_epoch():
    train, _ = split([Sample(i, (1,), tuple(range(9))) for i in range(21)], 0.01, seed=0)
    supply = batches(train, 40, "0/logits")
    first = [next(supply) for _ in range(5)]
    assert [len(batch) for batch in first] == [4] * 5  # 4 of 10 tokens
    assert sorted(s.group for batch in first for s in batch) == sorted(s.group for s in train)
    assert all(s.mask_R.all() and s.total_tokens == 10 for batch in first for s in batch)
    again = batches(train, 40, "0/logits")
    assert [[s.group for s in next(again)] for _ in range(5)] == [[s.group for s in batch] for batch in first]
    assert [s.group for s in next(supply)] != [s.group for s in first[0]]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz"])
def test_real_text(tmp_path, name):
    path, rows = tmp_path / name, [{"text": "abcdefgh"}, {"text": ""}, {"text": "xyz"}, {"text": "more"}]
    data = ("\n".join(json.dumps(row) for row in rows) + "\n\n").encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = real_text(path, Tokenizer(), begin=1, length=5, tokens=7)
    assert ["".join(map(chr, s.response_ids_R)) for s in found] == ["abcde", "xy"]
    assert all(s.prompt_ids_P.tolist() == [1] for s in found)
    assert len({s.group for s in found}) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"t\.jsonl:2: not a JSON object"),
        ('{"txt": "a"}', r"t\.jsonl:2: found no `text`"),
        ("[1]", "found no `text`"),
    ],
)
def test_a_line_that_is_no_text_is_named(tmp_path, line, message):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n' + line + "\n")
    with pytest.raises(TextError, match=message):
        real_text(path, Tokenizer(), 1, 5, 100)
    path.write_text("")
    with pytest.raises(TextError, match="holds no text; write one JSON object with `text` a line"):
        real_text(path, Tokenizer(), 1, 5, 100)


def recipe_with(model, **text) -> DistillRecipe:
    policy = {"model": str(model), "attention": {"layers": {"1": "linear"}}}
    return DistillRecipe.model_validate({"kind": "distill", "policy": policy, "text": {"length": 16, **text}})


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


async def made(recipe, folder, model, engines):
    async def more(file, starts):
        return await sample_text(engines, file, starts, recipe.text.tokens, recipe.text.length, 4, lambda text: None)

    return await text_of(recipe, folder / "text", model, Tokenizer(), more, lambda text: None)


async def test_text_is_sampled_once(tmp_path, model):
    recipe, engines = recipe_with(model, tokens=100), Engines()
    text = await made(recipe, tmp_path / "run", model, engines)
    asked = len(engines.asked)
    assert asked == len(text.train) + len(text.heldout["sampled"])
    assert TextFile(tmp_path / "run" / "text").about().samples == asked
    again = await made(recipe, tmp_path / "run", model, engines)
    assert len(engines.asked) == asked
    assert [s.group for s in again.train] == [s.group for s in text.train]


async def test_another_run_may_use_it_if_its_teacher_is_the_same(tmp_path, model):
    real = tmp_path / "t.jsonl"
    real.write_text('{"text": "hello"}')
    await made(recipe_with(model, tokens=100), tmp_path / "run", model, Engines())
    (tmp_path / "run" / "recipe.yaml").write_text("run: {name: a}")
    recipe = recipe_with(model, sampled=str(tmp_path / "run"), heldout_file=str(real))
    text = await made(recipe, tmp_path / "other", model, Engines(failures=10**9))
    assert [len(s.response_ids_R) for s in text.heldout["file"]] == [5]
    (model / "config.json").write_text('{"other": 1}')
    with pytest.raises(TextError, match=r"was sampled by another model than policy\.model"):
        await made(recipe, tmp_path / "other", model, Engines())
    (tmp_path / "run" / "text" / "about.json").unlink()
    with pytest.raises(TextError, match="holds no text that was sampled to its end"):
        await made(recipe, tmp_path / "other", model, Engines())


def test_run_folders(tmp_path, model):
    def opened(resume=False, **changes):
        recipe = recipe_with(model, **changes.pop("text", {}))
        run = {"name": "d", "root": str(tmp_path / "runs")}
        data = recipe.model_dump(mode="json") | {"run": run | {"seed": changes.pop("seed", 0)}} | changes
        return open_distill_run(DistillRecipe.model_validate_json(json.dumps(data)), resume)

    with pytest.raises(RunFolderError, match=r"no run 'd' in .* to go on with \(there is none\)"):
        opened(resume=True)
    first, _ = opened()
    with pytest.raises(RunFolderError, match="none of d sampled anything"):
        opened(resume=True)
    TextFile(first.text).keep([Sample(0, (1,), (2,))])
    second, _ = opened()
    assert (first.path.name, second.path.name) == ("d", "d-2")
    second.discard_if_bare()
    first.discard_if_bare()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["d"]
    again, changed = opened(resume=True, distill={"evaluate_every": 7})
    assert again == first
    assert changed == ["distill.evaluate_every: 20 → 7"]
    opened(resume=True)
    for change, key in (({"text": {"length": 32}}, "text.length"), ({"seed": 1}, "run.seed")):
        with pytest.raises(RunFolderError, match=rf"--resume cannot change these[^$]*{key}: the run has"):
            opened(resume=True, **change)
