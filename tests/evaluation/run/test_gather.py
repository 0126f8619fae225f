"""All missing samples are asked for once each, judged while others are sampled, and journalled as they come."""

import asyncio
from collections import Counter

import pytest

from rlhf.evaluation.run.answer import Answer
from rlhf.evaluation.run.gather import Gathering
from rlhf.evaluation.run.journal import PARTS, Journal, locked, read_journal, read_samples
from rlhf.evaluation.run.tasks import tasks_of
from tests.evaluation.run.factories import prepared, row
from verifiers.base import Verdict

ASKED = {part: {} for part in PARTS}


class Answers:
    """Every answer is the prompt's length; at most `together` may be asked for at once."""

    def __init__(self, fail_at=None):
        self.asked, self.now, self.most, self.fail_at = Counter(), 0, 0, fail_at

    async def answer(self, prompt_ids, temperature):
        self.asked[tuple(prompt_ids)] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if self.fail_at is not None and sum(self.asked.values()) >= self.fail_at:
            raise RuntimeError("the engines are gone")
        return Answer(f"\\boxed{{{len(prompt_ids)}}}", len(prompt_ids), truncated=False, forced=False)


class Judge:
    def __init__(self, blocks=None):
        self.judged, self.blocks = Counter(), blocks

    async def verify(self, prompt, texts):
        if self.blocks is not None:
            await self.blocks.wait()
        self.judged[prompt.id] += len(texts)
        return [{prompt.domain: Verdict.correct(" 1/2 ", "fine")} for _ in texts]


class Watcher:
    def __init__(self):
        self.rows = []

    def done(self, one):
        self.rows.append(one)


async def gather(path, benchmarks, answers, judge, at_once=3):
    with Journal(locked(path), read_journal(path), ASKED) as journal:
        watcher = Watcher()
        await Gathering(answers, judge, journal, watcher, at_once).run(list(tasks_of(benchmarks, journal.rows)))
    return watcher


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.samples.jsonl"


async def test_every_sample_once(path):
    answers, judge = Answers(), Judge()
    benchmarks = [prepared(), prepared("more", problems=2, samples=4)]
    watcher = await gather(path, benchmarks, answers, judge)
    keys = sorted(one.key for one in read_samples(path))
    assert keys == sorted((b.name, p.id, s) for b in benchmarks for p in b.loaded.problems for s in range(b.samples))
    assert len(watcher.rows) == 6 + 8
    assert answers.most <= 3
    assert {(one.status, one.extracted, one.vote, one.reason) for one in watcher.rows} == {
        ("correct", " 1/2 ", "1/2", "fine")
    }


async def test_programs_do_not_vote(path):
    watcher = await gather(path, [prepared(verifier="code")], Answers(), Judge())
    assert {one.vote for one in watcher.rows} == {None}


async def test_grading_holds_up_no_sampling(path):
    """All answers are there before the first is judged, though few may be asked for at once."""
    answers, blocks = Answers(), asyncio.Event()
    running = asyncio.create_task(gather(path, [prepared(problems=9)], answers, Judge(blocks), at_once=2))
    while sum(answers.asked.values()) < 18:
        await asyncio.sleep(0)
    assert list(read_samples(path)) == []
    blocks.set()
    await running
    assert len(list(read_samples(path))) == 18


async def test_a_failure_ends_it_and_what_is_done_is_kept_and_not_asked_for_again(path):
    with pytest.raises(RuntimeError, match="the engines are gone"):
        await gather(path, [prepared(problems=5)], Answers(fail_at=7), Judge(), at_once=1)
    done = {one.key for one in read_samples(path)}
    assert 0 < len(done) < 10
    answers = Answers()
    await gather(path, [prepared(problems=5)], answers, Judge())
    assert sum(answers.asked.values()) == 10 - len(done)
    assert len(list(read_samples(path))) == 10


async def test_what_a_verifier_failed_on_is_judged_again_and_not_asked_for_again(path):
    with Journal(locked(path), read_journal(path), ASKED) as journal:
        for problem in range(3):
            for sample in range(2):
                journal.add(row(str(problem), sample, "error" if problem == 1 else "wrong", response="kept"))
    judge = Judge()
    await gather(path, [prepared()], None, judge)
    assert judge.judged == {"sums/1": 2}
    assert {(one.problem, one.status, one.response) for one in read_samples(path)} == {
        ("0", "wrong", "kept"),
        ("1", "correct", "kept"),
        ("2", "wrong", "kept"),
    }


async def test_half_a_character_of_an_extracted_answer_is_written_whole(path):
    class Odd(Judge):
        async def verify(self, prompt, texts):
            return [{prompt.domain: Verdict.wrong("a\ud83d", "b\ud83d")} for _ in texts]

    watcher = await gather(path, [prepared(problems=1, samples=1)], Answers(), Odd())
    assert [(one.extracted, one.vote, one.reason) for one in watcher.rows] == [("a?", "a?", "b?")]


async def test_judging_again_counts_no_time_of_sampling(path):
    with Journal(locked(path), read_journal(path), ASKED) as journal:
        journal.add(row("0", 0, "error", began=3.0, ended=9.0))
    watcher = await gather(path, [prepared(problems=1, samples=1)], None, Judge())
    assert [(one.session, one.began, one.ended) for one in watcher.rows] == [(0, 3.0, 9.0)]
