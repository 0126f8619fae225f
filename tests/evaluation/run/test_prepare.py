"""From a recipe's section to benchmarks that can be asked, and what does not fit."""

import json

import pytest

from rlhf.data.errors import DataError
from rlhf.evaluation.prompts import PromptStyle
from rlhf.evaluation.run.prepare import prepare_all, require_room, tokens_needed
from rlhf.models.tiny.tokenizer import write_tokenizer
from rlhf.recipe.evaluation_schema import EvaluationConfig


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{i} + 1?", "reference": str(i + 1)}) + "\n" for i in range(5)))
    return {"name": "sums", "file": str(path), "verifier": "number", "instruction": "{question}"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


def prepared(config, tokenizer):
    settings = EvaluationConfig.model_validate(config)
    return prepare_all(settings, tokenizer, PromptStyle.of(settings, tokenizer)), settings


@pytest.mark.parametrize(
    ("section", "entry", "samples", "temperature"),
    [
        ({}, {}, 1, 0.0),
        ({"samples": 4}, {}, 4, 0.6),
        ({"samples": 4}, {"samples": 2}, 2, 0.6),
        ({"samples": 4, "temperature": 1.0}, {}, 4, 1.0),
        ({"temperature": 1.0}, {"temperature": 0.5}, 1, 0.5),
    ],
)
def test_samples_and_temperature(own, tokenizer, section, entry, samples, temperature):
    ((benchmark,), _) = prepared({"benchmarks": [own | entry], **section}, tokenizer)
    assert (benchmark.samples, benchmark.temperature) == (samples, temperature)


def test_prompts_are_judged_by_their_benchmarks_verifier_alone(own, tokenizer):
    (benchmarks, _) = prepared({"benchmarks": [own, own | {"name": "again", "limit": 2}]}, tokenizer)
    first, second = benchmarks
    assert [p.id for p in first.prompts] == [f"sums/{i}" for i in range(5)]
    assert [p.reference for p in second.prompts] == ["1", "2"]
    assert {p.domain for p in first.prompts} == {"benchmark:sums"}
    assert first.component.judges("benchmark:sums")
    assert not first.component.judges("benchmark:again")
    assert not first.component.judges("default")
    assert (first.component.verifier, first.component.label) == ("number", "benchmark:sums")


def test_the_digest_changes_with_a_prompt_or_a_gold_answer(own, tokenizer, tmp_path):
    ((before,), _) = prepared({"benchmarks": [own]}, tokenizer)
    ((same,), _) = prepared({"benchmarks": [own]}, tokenizer)
    assert same.digest == before.digest
    ((asked,), _) = prepared({"benchmarks": [own | {"instruction": "Say: {question}"}]}, tokenizer)
    path = tmp_path / "sums.jsonl"
    path.write_text(path.read_text().replace('"reference": "5"', '"reference": "6"'))
    ((corrected,), _) = prepared({"benchmarks": [own]}, tokenizer)
    assert len({before.digest, asked.digest, corrected.digest}) == 3


def test_the_longest_prompt_and_answer_must_fit(own, tokenizer):
    (benchmarks, settings) = prepared({"benchmarks": [own], "max_response_tokens": 30}, tokenizer)
    longest = max(len(p.token_ids) for p in benchmarks[0].prompts)
    assert tokens_needed(benchmarks, settings, 9) == longest + 30
    thinking = settings.model_copy(update={"thinking_tokens": 100})
    assert tokens_needed(benchmarks, thinking, 9) == longest + 100 + 9 + 30
    require_room(130, None, "the context")
    require_room(130, 130, "the context")
    with pytest.raises(DataError, match=r"may take 1,130 tokens, the context is 1,000; .* 130 less"):
        require_room(1130, 1000, "the context")
