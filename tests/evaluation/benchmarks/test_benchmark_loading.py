"""Files of --data-dir, own files, the hub's formats; and one clear line for what cannot be loaded."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlhf.data.errors import LONG_NUMBER, DataError
from rlhf.evaluation.benchmarks import BENCHMARKS
from rlhf.evaluation.benchmarks.hub import commit_of, hub_records
from rlhf.evaluation.benchmarks.spec import BOXED, Hub
from rlhf.evaluation.results import SourceFacts
from tests.evaluation.benchmarks.rows import GPQA, GSM8K, HUMANEVAL, MATH500, MBPP, load, write_lines

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def message_of(name, folder, errata=(), **more):
    with pytest.raises(DataError) as caught:
        load(name, folder, errata, **more)
    return str(caught.value)


@pytest.fixture
def no_network(monkeypatch):
    """Nothing that could download may be called."""
    import datasets
    import huggingface_hub

    def refuse(*_args, **_kwargs):
        raise AssertionError("a download was asked for")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)


def test_data_dir_is_read_and_nothing_downloaded(tmp_path, no_network):
    path = write_lines(tmp_path / "gsm8k_test.jsonl", [*GSM8K, "", "  "])
    loaded = load("gsm8k", tmp_path)
    assert [p.id for p in loaded.problems] == ["0", "1", "2", "3"]
    assert [p.reference for p in loaded.problems] == ["18", "1125", "-3", "20"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.source == SourceFacts(kind="file", name="gsm8k_test.jsonl", file=str(path), sha256=digest)
    assert (loaded.benchmark, loaded.errata) == (BENCHMARKS["gsm8k"], ())


@pytest.mark.parametrize(
    ("name", "file", "rows", "ids"),
    [
        ("math500", "math500_test.jsonl", MATH500, ["t/1", "t/2"]),
        ("humaneval", "HumanEval.jsonl.gz", HUMANEVAL, ["HumanEval/0", "HumanEval/1"]),
        ("mbpp", "mbpp_sanitized.jsonl", MBPP, ["11", "510"]),
        ("gpqa_diamond", "gpqa_diamond.jsonl", GPQA[:2], ["rec0", "rec1"]),
        ("amc23", "amc23_test.jsonl", [{"id": 4, "question": "?", "answer": 3.0}], ["4"]),
    ],
)
def test_file_names_of_the_data_folder(tmp_path, no_network, name, file, rows, ids):
    write_lines(tmp_path / file, rows)
    assert [p.id for p in load(name, tmp_path).problems] == ids


def test_parquet_and_csv_hold_the_same_problems(tmp_path, no_network):
    pq.write_table(pa.Table.from_pylist(GPQA), tmp_path / "gpqa_diamond.parquet")
    of_parquet = load("gpqa_diamond", tmp_path).problems
    header = list(GPQA[0])
    quoted = [[f'"{row[name]}"' for name in header] for row in GPQA]
    lines = [",".join(header), *(",".join(cells) for cells in quoted)]
    (tmp_path / "gpqa_diamond.csv").write_text("\ufeff" + "\n".join(lines) + "\n")
    of_csv = load("gpqa_diamond", tmp_path)
    assert of_csv.source.name == "gpqa_diamond.csv"
    assert of_csv.problems == of_parquet
    assert len(of_parquet) == 40


def test_the_first_of_the_names_is_read(tmp_path, no_network):
    write_lines(tmp_path / "gsm8k.jsonl", GSM8K)
    assert len(load("gsm8k", tmp_path).problems) == 4
    write_lines(tmp_path / "gsm8k_test.jsonl", GSM8K[:1])
    assert len(load("gsm8k", tmp_path).problems) == 1


def test_what_an_entry_says_goes_over_the_table(tmp_path, no_network):
    write_lines(tmp_path / "gsm8k.jsonl", GSM8K)
    asked = load("gsm8k", tmp_path, limit=2, samples=5, instruction="Q: {question}", config={"units": "ignore"})
    assert len(asked.problems) == 2
    assert (asked.benchmark.samples, asked.benchmark.instruction) == (5, "Q: {question}")
    assert asked.benchmark.config == {"extract": "final_answer", "units": "ignore"}
    other = load("gsm8k", tmp_path, verifier="number", config={"ignore": ["dollars"]}).benchmark
    assert (other.verifier, dict(other.config)) == ("number", {"ignore": ["dollars"]})


def test_a_data_folder_without_the_file_says_what_was_looked_for(tmp_path, no_network):
    write_lines(tmp_path / "exam.jsonl", GSM8K)
    said = message_of("aime24", tmp_path)
    assert said == (
        f"data_dir {tmp_path}: no file of aime24: looked for aime24.jsonl, aime24.parquet; there is exam.jsonl; put one "
        "there, or leave data_dir out to load it from the hub"
    )
    assert "is no folder" in message_of("aime24", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["{"], "gsm8k.jsonl:1: is not JSON"),
        (['{"n": ' + "9" * 5000 + "}"], f"gsm8k.jsonl:1: {LONG_NUMBER}"),
        ([*GSM8K, "[1]"], "gsm8k.jsonl:5: is no JSON object; write one a line"),
        ([GSM8K[0], {"question": "?"}], "gsm8k.jsonl:2: field 'answer' is missing: a problem without a gold answer"),
        ([], "gsm8k.jsonl: holds no problem of gsm8k"),
        (
            [{**GSM8K[0], "id": "a"}, GSM8K[1], {**GSM8K[2], "id": "a"}],
            "gsm8k.jsonl: problems 1 and 3 have the same id 'a'; give each its own",
        ),
    ],
)
def test_bad_rows_stop_with_their_line(tmp_path, no_network, rows, said):
    write_lines(tmp_path / "gsm8k.jsonl", rows)
    assert message_of("gsm8k", tmp_path).startswith(f"{tmp_path}/{said}")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("gpqa_diamond.csv", b"Question,Correct Answer\n1,2,3\n", "row 1: has more or fewer cells"),
        ("gpqa_diamond.csv", b"Question,Correct Answer\n1\n", "row 1: has more or fewer cells"),
        ("gpqa_diamond.csv", b"Question\n\xff\n", "cannot be read: 'utf-8' codec"),
        ("gpqa_diamond.parquet", b"PAR1", "is not a parquet file"),
    ],
)
def test_damaged_files_are_named(tmp_path, no_network, file, content, said):
    (tmp_path / file).write_bytes(content)
    found = message_of("gpqa_diamond", tmp_path)
    assert found.startswith(f"{tmp_path}/{file}:")
    assert said in found


def test_the_full_mbpp_is_not_taken_for_the_sanitized_one(tmp_path, no_network):
    full = [
        {"text": row["prompt"], "test_setup_code": "", **{k: v for k, v in row.items() if k != "prompt"}}
        for row in MBPP
    ]
    write_lines(tmp_path / "mbpp.jsonl", full)
    assert message_of("mbpp", tmp_path) == (
        f"{tmp_path}/mbpp.jsonl:1: field 'text': is of the full MBPP of 974 problems, not of the 427 that its authors "
        "sanitized, which have 'prompt'; put mbpp_sanitized.jsonl there"
    )
    write_lines(tmp_path / "mbpp.jsonl", MBPP)
    assert [p.id for p in load("mbpp", tmp_path).problems] == ["11", "510"]


def test_a_gzipped_file_that_is_none(tmp_path, no_network):
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(b"plain text")
    assert "HumanEval.jsonl.gz: cannot be read: Not a gzipped file" in message_of("humaneval", tmp_path)


def test_unknown_names_and_a_lost_question(tmp_path, no_network):
    write_lines(tmp_path / "gsm8k.jsonl", GSM8K)
    assert "no benchmark is named 'gsm8'; did you mean gsm8k?" in message_of("gsm8", tmp_path)
    assert "write {question} where the question is to stand" in message_of("gsm8k", tmp_path, instruction="Answer!")


OWN = {"prompt_field": "q", "reference_field": "a", "verifier": "math"}


def test_an_own_file_in_five_lines(tmp_path, no_network):
    path = write_lines(tmp_path / "exam.jsonl", [{"q": "1 + 1?", "a": 2}, {"id": "x", "q": "2 + 2?", "a": "4"}])
    loaded = load("my_exam", None, file=str(path), **OWN)
    assert [(p.id, p.question, p.reference) for p in loaded.problems] == [("0", "1 + 1?", "2"), ("x", "2 + 2?", "4")]
    benchmark = loaded.benchmark
    assert (benchmark.name, benchmark.kind, benchmark.verifier, benchmark.samples) == ("my_exam", "own", "math", 1)
    assert (benchmark.instruction, benchmark.licence) == (BOXED, "not stated")
    assert (loaded.source.kind, loaded.source.file) == ("file", str(path))
    assert load("my_exam", tmp_path / "elsewhere", file=str(path), **OWN).problems == loaded.problems


def test_an_own_file_with_metadata_and_categories(tmp_path, no_network):
    rows = [{"q": "?", "choices": ["x", "y"], "level": 3, "a": "A"}]
    path = tmp_path / "exam.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    loaded = load(
        "mine",
        None,
        file=str(path),
        prompt_field="q",
        reference_field="a",
        verifier="choice",
        metadata_fields=["choices"],
        category_field="level",
        licence="ours",
        instruction="{question}",
    )
    (problem,) = loaded.problems
    assert (problem.category, problem.metadata) == ("3", {"choices": ["x", "y"]})
    assert (loaded.benchmark.licence, loaded.benchmark.categories) == ("ours", "level")


def test_a_verifier_of_your_own_is_asked_with_the_question_alone(tmp_path, no_network):
    path = write_lines(tmp_path / "exam.jsonl", [{"q": "1 + 1?"}])
    loaded = load("mine", None, file=str(path), prompt_field="q", reference_field=None, verifier="my_rewards:last_word")
    assert (loaded.benchmark.instruction, loaded.problems[0].reference) == ("{question}", None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verifier": None}, "benchmark mine: verifier is missing: write which judges its answers"),
        ({"reference_field": None}, "benchmark mine: without gold answers math cannot judge it; write reference_field"),
        ({"reference_field": "gold"}, "exam.jsonl:1: field 'gold' is missing: a problem without a gold answer cannot"),
        ({"prompt_field": "question"}, "exam.jsonl:1: field 'question' is missing: write it; the row has: q, a"),
        ({"prompt_field": "chat"}, "field 'chat' is missing"),
        ({"category_field": "level"}, "exam.jsonl:1: field 'level': found none"),
        ({"metadata_fields": ["tests"]}, "exam.jsonl:1: field 'tests' is missing"),
        ({"file": "exam.jsnl"}, "benchmark mine: no file"),
        ({"name": "gsm8k"}, "benchmark gsm8k: is a name of `rlhf list benchmarks`; give your file another"),
    ],
)
def test_what_is_wrong_with_an_own_entry(tmp_path, no_network, change, said):
    path = write_lines(tmp_path / "exam.jsonl", [{"q": "1 + 1?", "a": "2"}])
    entry = {"name": "mine", "file": str(path), **OWN, **change}
    if change.get("file"):
        entry["file"] = str(tmp_path / change["file"])
    name = entry.pop("name")
    found = message_of(name, None, **entry)
    assert said in found
    if change.get("file"):
        assert f"did you mean {path}?" in found


def test_a_chat_is_no_question(tmp_path, no_network):
    path = write_lines(tmp_path / "exam.jsonl", [{"q": [{"role": "user", "content": "?"}], "a": "2"}])
    assert "field 'q': found a list; write text" in message_of("mine", None, file=str(path), **OWN)


def test_a_file_of_another_kind(tmp_path, no_network):
    (tmp_path / "exam.txt").write_text("?")
    assert "exam.txt: is of a kind that is not read" in message_of("mine", None, file=str(tmp_path / "exam.txt"), **OWN)


def test_a_folder_in_the_hubs_layout_is_loaded_by_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "set").mkdir()
    write_lines(tmp_path / "set" / "test.jsonl", GSM8K)
    records, source = hub_records(Hub(str(tmp_path / "set"), None, "test", None), ("gsm8k.jsonl",))
    assert [r.fields["answer"] for r in records] == [row["answer"] for row in GSM8K]
    assert records[2].origin == f"{tmp_path / 'set'}[test]:row 3"
    assert (source.kind, source.revision, source.commit, source.split) == ("hub", "unverified", None, "test")


def test_the_commit_is_read_from_where_the_hub_keeps_its_data(tmp_path, monkeypatch):
    import huggingface_hub

    folder = tmp_path / "datasets--livecodebench--x" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    row = {"question_id": "q1", "question_content": "?", "public_test_cases": "[]", "private_test_cases": "[]"}
    path = write_lines(folder / "test6.jsonl", [{**row, "metadata": "{}"}])
    asked = {}

    def download(repository, name, **options):
        asked.update(options, repository=repository, name=name)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    loaded = load("livecodebench", None)
    revision = BENCHMARKS["livecodebench"].hub.revision
    assert asked == {
        "repository": "livecodebench/code_generation_lite",
        "name": "test6.jsonl",
        "repo_type": "dataset",
        "revision": revision,
    }
    assert [p.id for p in loaded.problems] == ["q1"]
    assert (loaded.source.commit, loaded.source.revision, loaded.source.file) == (COMMIT, revision, "test6.jsonl")
    assert loaded.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("paths", "commit"),
    [
        ([f"h/datasets/openai___gsm8k/main/0.0.0/{COMMIT}/gsm8k-test.arrow"], COMMIT),
        ([f"a/{COMMIT}/1.arrow", f"a/{COMMIT}/2.arrow"], COMMIT),
        ([f"a/{COMMIT}/1.arrow", f"a/{COMMIT[::-1]}/2.arrow"], None),
        (["a/json/default-1a2b/0.0.0/abcdef/json-test.arrow"], None),
        ([], None),
    ],
)
def test_the_commit_of_cached_files(paths, commit):
    assert commit_of(Path(path) for path in paths) == commit


def test_a_hub_that_does_not_answer_names_the_file_that_would_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = message_of("gsm8k", None)
    assert said.startswith("openai/gsm8k: cannot be loaded from the hub: ")
    assert said.endswith("give --data-dir, a folder with gsm8k_test.jsonl or gsm8k.jsonl or gsm8k.parquet")


def test_problems_are_plain_json_for_the_verifiers_processes(tmp_path, no_network):
    write_lines(tmp_path / "HumanEval.jsonl", HUMANEVAL)
    (problem, _) = load("humaneval", tmp_path).problems
    assert json.loads(json.dumps(dict(problem.metadata))) == problem.metadata
