"""Questions of reasoning-gym as a run sees them, after JSON; and hand-made ones."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.logic.rule import Entry
from verifiers.logic.verifier import entry_of, logic_verifier, rule_of


@functools.cache
def made(task: str, count: int, seed: int = 11, settings: str = "{}") -> list[dict[str, Any]]:
    """Metadata of `count` samples. settings: of the task, as JSON."""
    from reasoning_gym.factory import create_dataset

    config = json.loads(settings)
    dataset = create_dataset(task, seed=seed, size=count, **config)
    plain = [json.loads(json.dumps(dataset[index], default=str)) for index in range(count)]
    return [{"task": task, "entry": entry, "task_config": config} for entry in plain]


def entry(task: str, answer: str | None = None, question: str = "?", /, **metadata: Any) -> Entry:
    """An Entry with just the metadata that is named."""
    return Entry(task, question, answer, json.loads(json.dumps(metadata)))


def gold(metadata: Mapping[str, Any]) -> str | None:
    """What the task's rule gives as a right answer; None for a question that has none."""
    found = entry_of(metadata, 0)
    rule = rule_of(found.task)
    return None if rule.fault(found) else rule.gold(found)


def judged(answer: str, metadata: Mapping[str, Any], **config: Any) -> Verdict:
    """The verdict on an answer in a box, without a pool."""
    tag = {"extract": "answer_tag", **config}  # a tag, so that any text can stand in it
    verdict = logic_verifier.function(Sample("", f"<answer>{answer}</answer>", None, dict(metadata)), **tag)
    assert isinstance(verdict, Verdict)
    return verdict


def of(task: str, answer: str | None = None, question: str = "?", /, **metadata: Any) -> dict[str, Any]:
    """A sample's metadata with just what is named."""
    plain = json.loads(json.dumps(metadata))
    return {"task": task, "entry": {"question": question, "answer": answer, "metadata": plain}}
