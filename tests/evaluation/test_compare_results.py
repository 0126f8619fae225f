import io
import json
import re

import pytest
from rich.console import Console
from two_results import make_benchmark, make_journal, make_problem, make_results

from rlhf.evaluation.compare_render import render_comparison
from rlhf.evaluation.compare_results import compare_files, run_compare
from rlhf.evaluation.results import ModelFacts, ResultsError, SourceFacts, samples_path

BEFORE = {"0": "c", "1": "w", "2": "c", "3": "w"}
AFTER = {"0": "w", "1": "c", "2": "c", "3": "w"}


@pytest.fixture
def files(tmp_path):
    """Two results with their journals."""
    paths = []
    for name, letters in (("a", BEFORE), ("b", AFTER)):
        benchmark = make_benchmark("gsm8k", letters)
        paths.append(make_results(tmp_path / name / "results.json", benchmark, model=f"model-{name}"))
        make_journal(samples_path(paths[-1]), benchmark, text=name + " said {sample} of {problem}")
    return paths


def shown(a, b, show=5, benchmark=None, width=140):
    console = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=False)
    run_compare(a, b, benchmark, show, console)
    return console.file.getvalue()


def rows(text):
    """Cells of the tables' lines."""
    return [
        [cell.strip() for cell in re.split("[│┃|]", line)[1:-1]]
        for line in text.splitlines()
        if re.search("[│┃]", line)
    ]


def test_the_table_of_a_comparison(files):
    text = shown(*files)
    table = rows(text)
    assert ["gsm8k", "A", "50.0", "6.8 to 93.2", "clopper-pearson"] in table
    assert ["4 problems", "B", "50.0", "6.8 to 93.2", "clopper-pearson"] in table
    (difference,) = [row for row in table if row[1:2] == ["B − A"]]
    assert difference[0] == "1 better, 1 worse"
    assert difference[2] == "0.0"
    assert difference[4] == "exact McNemar, p = 1.000"
    assert "model-a (float32)" in text
    assert ["0.25 to 0.5", "2", "50.0", "50.0"] in table
    assert ["0.5 to 0.75", "0", "–", "–"] in table


def test_flipped_problems_stand_side_by_side(files):
    text = shown(*files)
    assert "gsm8k, problem 0: worse" in text
    assert "gsm8k, problem 1: better" in text
    assert "problem 2" not in text
    assert "question: What is 0?" in text
    assert "reference: gold" in text
    cells = rows(text)
    assert ["A: 1 of 1 correct", "B: 0 of 1 correct"] in cells
    assert ["answers: gold", "answers: off"] in cells
    assert ["sample 0, correct, 10 tokens", "sample 0, wrong, 10 tokens"] in cells
    assert ["a said 0 of 0", "b said 0 of 0"] in cells


@pytest.mark.parametrize(("show", "there", "rest"), [(0, 0, "0 of the 2"), (1, 2, None), (9, 2, None)])
def test_how_many_are_shown(files, show, there, rest):
    text = shown(*files, show=show)
    assert text.count("What is") == there
    assert ("problems that flipped are shown" in text) == (rest is not None)
    assert rest is None or rest in text


def test_fewer_than_none_are_not_shown(files):
    with pytest.raises(ResultsError, match="--show -1: write 0 or more"):
        shown(*files, show=-1)


def test_a_folder_stands_for_its_results(files):
    assert compare_files(files[0].parent, files[1]).a.path == files[0]


def test_an_answer_of_the_kind_that_prevails_is_shown(tmp_path):
    paths = []
    for name, letters in (("a", "wecc"), ("b", "cwuw")):
        benchmark = make_benchmark("gsm8k", {"0": letters})
        paths.append(make_results(tmp_path / f"{name}.json", benchmark))
        make_journal(samples_path(paths[-1]), benchmark)
    cells = rows(shown(*paths))
    assert ["A: 2 of 3 correct", "B: 1 of 4 correct"] in cells
    assert ["said 2 of 0", "said 1 of 0"] in cells
    assert ["answers: gold (2 times), off", "answers: off (2 times), gold, no answer"] in cells


def test_a_missing_journal_is_said(files):
    samples_path(files[1]).unlink()
    text = shown(*files)
    assert "a said 0 of 0" in text
    assert "b said" not in text
    assert "no texts: there is no" in text


def test_a_renamed_results_file_still_finds_its_journal(files, tmp_path):
    renamed = files[0].rename(files[0].with_name("old.json"))
    assert "a said 0 of 0" in shown(renamed, files[1])


def test_a_journal_is_read_beside_the_results_only(files, tmp_path):
    data = json.loads(files[0].read_text())
    data["samples_file"] = "../b/results.samples.jsonl"
    files[0].rename(files[0].with_name("old.json")).write_text(json.dumps(data))
    text = shown(files[0].with_name("old.json"), files[1])
    assert "a said 0 of 0" in text
    assert text.count("b said 0 of 0") == 1


def test_a_journal_of_another_evaluation_is_not_shown(files):
    samples_path(files[0]).write_text(samples_path(files[1]).read_text())
    text = shown(*files)
    assert text.count("no text: the journal beside the results is of another") == 2
    make_journal(samples_path(files[0]), make_benchmark("other", BEFORE))
    assert "no text: the journal does not hold this sample" in shown(*files)


def test_a_damaged_journal_is_said(files):
    samples_path(files[0]).write_text("nonsense\n")
    assert "no texts:" in shown(*files)


HOSTILE = "[red]markup[/red] [link=http://x]y[/link] \x1b[31mred\x1b]0;title\x07\x1b[2J\r\x07\x08 \u202eright [/]"


def test_no_text_of_a_file_steers_the_terminal(tmp_path):
    paths = []
    for name, letters in (("a", "c"), ("b", "w")):
        problem = make_problem(
            "[bold]\x1b[2J0", letters, votes=["[red]\x1b[31m18"], question="Who \x1b[5m[blink]?", reference="[/]"
        )
        benchmark = make_benchmark("gsm8k", [problem], instruction="\x1b[2J[red]{question}" + name)
        paths.append(make_results(tmp_path / f"{name}.json", benchmark, model="[red]\x1b]0;m\x07"))
        make_journal(samples_path(paths[-1]), benchmark, text=HOSTILE.replace("{", "{{"))
    console = Console(file=io.StringIO(), width=240, highlight=False, force_terminal=True, color_system=None)
    run_compare(*paths, None, 5, console)
    text = console.file.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)
    left = re.sub(r"\x1b\[[0-9;]*m", "", text)  # rich's own styles
    assert "\x1b" not in left
    assert "[red]markup[/red] [link=http://x]y[/link] red" in left
    assert "[bold]0" in left
    assert "Who [blink]?" in left
    assert "answers: [red]18" in left
    text.encode("utf-8")


def test_a_long_answer_ends_with_its_end(files):
    benchmark = make_benchmark("gsm8k", BEFORE)
    make_journal(samples_path(files[0]), benchmark, text="start" + "x" * 5000 + "the end")
    text = shown(*files)
    assert "the end" in text
    assert "start" not in text
    assert "characters before)" in text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"settings": {"max_response_tokens": 128}}, "max_response_tokens differs: A 64, B 128"),
        ({"settings": {"system_prompt": "Think."}}, "system_prompt differs: A none, B 'Think.'"),
        ({"versions": {"longthought": "0.2.0"}}, "version of longthought differs: A '0.1.0', B '0.2.0'"),
        (
            {"model_facts": ModelFacts(asked="x", path="/x", revision=None, commit=None, step=3, fingerprint="g", dtype="bfloat16")},
            "dtype differs: A 'float32', B 'bfloat16'",
        ),
    ],
)  # fmt: skip
def test_settings_that_differ_are_warned_of(tmp_path, change, line):
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", BEFORE))
    facts = {"model": change.pop("model_facts")} if "model_facts" in change else {}
    b = make_results(tmp_path / "b.json", make_benchmark("gsm8k", AFTER), **change)
    if facts:
        data = json.loads(b.read_text())
        b.write_text(json.dumps({**data, "model": facts["model"].model_dump()}))
    assert compare_files(a, b).warnings == (line,)
    assert f"warning: {line}" in shown(a, b)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"temperature": 0.0}, "gsm8k: temperature differs: A 0.6, B 0.0"),
        ({"instruction": "Q: {question}"}, "gsm8k: instruction differs: A '{question}', B 'Q: {question}'"),
        ({"errata": ["gsm8k-1"]}, "gsm8k: errata differs: A [], B ['gsm8k-1']"),
        ({"few_shot": 2}, "gsm8k: few_shot differs: A 0, B 2"),
        ({"verifier": "numeric"}, "gsm8k: verifier differs: A 'math', B 'numeric'"),
        ({"verifier_config": {"tolerance": 0.1}}, "gsm8k: verifier_config differs: A {}, B {'tolerance': 0.1}"),
        (
            {"source": SourceFacts(kind="file", name="gsm8k", file="/elsewhere", sha256="cd")},
            "gsm8k: source's sha256 differs: A 'ab', B 'cd'",
        ),
        ({"samples": 4}, "gsm8k: samples differs: A 1, B 4"),
    ],
)
def test_benchmarks_that_differ_are_warned_of(tmp_path, change, line):
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", BEFORE))
    b = make_results(tmp_path / "b.json", make_benchmark("gsm8k", AFTER, **change))
    assert compare_files(a, b).warnings == (line,)


def test_nothing_that_should_differ_is_warned_of(tmp_path):
    source = SourceFacts(kind="file", name="gsm8k", file="/another/machine.jsonl", sha256="ab")
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", BEFORE))
    b = make_results(
        tmp_path / "b.json", make_benchmark("gsm8k", AFTER, source=source), model="other", settings={"seed": 5}
    )
    assert compare_files(a, b).warnings == ()


def test_problems_of_one_side_are_counted(tmp_path):
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", {**BEFORE, "x": "c", "y": "e"}))
    b = make_results(tmp_path / "b.json", make_benchmark("gsm8k", {**AFTER, "y": "c", "z": "c", "zz": "c"}))
    assert compare_files(a, b).warnings == (
        "gsm8k: 1 problem only in A, left out",
        "gsm8k: 2 problems only in B, left out",
        "gsm8k: 1 problem of both left out: a verifier failed on every sample of one result",
    )


def test_several_benchmarks(tmp_path):
    first = [make_benchmark(name, BEFORE) for name in ("gsm8k", "math500", "aime24")]
    second = [make_benchmark(name, AFTER) for name in ("math500", "gsm8k", "amc23")]
    a, b = make_results(tmp_path / "a.json", *first), make_results(tmp_path / "b.json", *second)
    found = compare_files(a, b)
    assert [each.name for each in found.benchmarks] == ["gsm8k", "math500"]
    assert (found.only_a, found.only_b) == (("aime24",), ("amc23",))
    text = shown(a, b)
    assert "only in A: aime24" in text
    assert "p-values are of each benchmark by itself" in text
    assert [each.name for each in compare_files(a, b, "math500").benchmarks] == ["math500"]
    with pytest.raises(
        ResultsError, match=r"--benchmark amc23: .*a.json holds gsm8k, math500, aime24, .*both hold: gsm8k, math500"
    ):
        compare_files(a, b, "amc23")


def test_no_common_benchmark_is_refused(tmp_path):
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", BEFORE))
    b = make_results(tmp_path / "b.json", make_benchmark("aime24", BEFORE))
    with pytest.raises(ResultsError, match=r"no benchmark is in both: .*a.json holds gsm8k, .*b.json aime24; evaluate"):
        compare_files(a, b)
    with pytest.raises(ResultsError, match="and there is none"):
        compare_files(a, b, "gsm8k")


@pytest.mark.parametrize("name", ["nothing.json", "folder"])
def test_what_is_no_results_file_is_refused(files, tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultsError, match=name):
        compare_files(files[0], tmp_path / name)


def test_a_better_or_worse_result_reads_so(tmp_path):
    many = [str(i) for i in range(40)]
    a = make_results(tmp_path / "a.json", make_benchmark("gsm8k", dict.fromkeys(many, "wwww")))
    b = make_results(
        tmp_path / "b.json", make_benchmark("gsm8k", {name: "cccw" if int(name) % 2 else "wwww" for name in many})
    )
    for pair, value, interval in (
        ((a, b), "+37.5", r"\+25\.\d to \+4\d\.\d"),
        ((b, a), "−37.5", r"−4\d\.\d to −25\.\d"),
    ):
        (row,) = [row for row in rows(shown(*pair, show=0)) if row[1:2] == ["B − A"]]
        assert row[2] == value
        assert re.fullmatch(interval, row[3])
        assert row[4] == "paired t, p < 0.001"


def test_it_fits_a_terminal_of_80_columns(files):
    assert max(map(len, shown(*files, width=80).splitlines())) <= 80


def test_rendering_reads_no_journal_where_nothing_is_shown(files):
    for path in files:
        samples_path(path).unlink()
    console = Console(file=io.StringIO(), width=100)
    console.print(render_comparison(compare_files(*files), 0))
    assert "no texts" not in console.file.getvalue()
