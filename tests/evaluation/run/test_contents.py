"""An evaluation goes on with a journal only if the same was asked."""

from pathlib import Path

import pytest

from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.run.contents import contents_of, require_same
from tests.evaluation.run.factories import model, prepared, settings

PATH = Path("r.samples.jsonl")


def contents(*benchmarks, of=None, how=None):
    return contents_of(of or model(), how or settings(), benchmarks or (prepared(),))


@pytest.mark.parametrize(
    "now",
    [
        contents(),
        contents(how=settings(seed=5)),
        contents(prepared(samples=4)),
        contents(prepared(), prepared("more")),
        contents(prepared("more")),
        contents(of=model(asked="another name for it", path="elsewhere")),
    ],
)
def test_more_of_the_same_is_gone_on_with(now):
    merged = require_same(contents(), now, PATH)
    assert merged["benchmarks"].keys() == {"sums"} | now["benchmarks"].keys()
    assert all(merged["benchmarks"][name] == asked for name, asked in now["benchmarks"].items())


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (contents(of=model(fingerprint="other")), "model.fingerprint: it has 'abc', asked for is 'other'"),
        (contents(of=model(dtype="bfloat16")), "model.dtype"),
        (contents(how=settings(top_p=0.9)), "settings.top_p: it has 1.0, asked for is 0.9"),
        (contents(how=settings(system_prompt="be brief")), "settings.system_prompt"),
        (contents(how=settings(thinking_tokens=9)), "settings.thinking_tokens"),
        (contents(prepared(temperature=1.0)), "sums.temperature: it has 0.6, asked for is 1.0"),
        (contents(prepared(samples=1)), "sums.samples: it has 2, asked for is 1"),
        (contents(prepared(problems=2)), "sums.problems: it has 3, asked for is 2"),
        (contents(prepared(references=["0", "1", "changed"])), "sums.digest"),
    ],
)
def test_another_question_is_refused_with_what_differs(now, says):
    with pytest.raises(ResultsError) as refused:
        require_same(contents(), now, PATH)
    assert says in str(refused.value)
    assert "--restart" in str(refused.value)
