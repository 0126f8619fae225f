"""What a user calls a model: a run, a checkpoint, a folder, a hub id; and what is none."""

import json

import pytest

from rlhf.checkpoint import Checkpoints, export_checkpoint
from rlhf.evaluation.model import find_model, fingerprint, guess_dtype, model_facts
from rlhf.models.resolve import ModelError
from rlhf.recipe.schema import PolicyConfig


def hf(folder, weights=b"w" * 100, **config):
    folder.mkdir(parents=True, exist_ok=True)
    made = {"architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 64, "dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(made | config))
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTHOUGHT_RUNS", str(tmp_path))
    folder = tmp_path / "demo"
    checkpoints = Checkpoints(folder / "checkpoints", keep=5)
    for step in (5, 10):
        partial = checkpoints.begin(step)
        hf(partial / "hf", weights=bytes([step]) * 100)
        checkpoints.commit(partial, {"step": step}, [])
    (folder / "recipe.yaml").write_text("run: {name: demo}\n")
    return folder, checkpoints


def found(asked, tmp_path):
    return find_model(PolicyConfig(model=str(asked)), tmp_path / "work", seed=0)


def keep_best(checkpoints, step, value):
    partial = checkpoints.begin_best()
    hf(partial / "hf", weights=bytes([step]) * 100)
    return checkpoints.commit_best(partial, step, "accuracy/heldout", value)


def test_a_run_by_its_path_or_name_is_its_last_checkpoint_or_the_best_where_it_keeps_one(run, tmp_path):
    folder, checkpoints = run
    for asked in (folder, "demo"):
        model = found(asked, tmp_path)
        assert (model.folder, model.step, model.context) == (folder / "checkpoints/step_10/hf", 10, 64)
        assert model.note == "of the run demo: step_10, after 10 steps"
    keep_best(checkpoints, 7, 0.5)
    assert (found("demo", tmp_path).folder, found("demo", tmp_path).step) == (folder / "checkpoints/best/hf", 7)
    assert checkpoints.best_value("accuracy/heldout") == 0.5
    assert checkpoints.best_value("eval/gsm8k/avg") is None, "another metric's best is no bar"
    keep_best(checkpoints, 9, 0.75)
    assert (found("demo", tmp_path).step, checkpoints.best_value("accuracy/heldout")) == (9, 0.75)
    assert [path.name for path in checkpoints.complete()] == ["step_5", "step_10"]


def test_what_is_exported_is_the_best_the_last_or_the_one_named(run, tmp_path):
    folder, checkpoints = run
    export_checkpoint(folder, None, tmp_path / "last")
    keep_best(checkpoints, 7, 0.5)
    export_checkpoint(folder, None, tmp_path / "best")
    export_checkpoint(folder, 5, tmp_path / "five")
    weights = [(tmp_path / name / "model.safetensors").read_bytes()[0] for name in ("last", "best", "five")]
    assert weights == [10, 7, 5]


def test_a_checkpoint_by_its_folder(run, tmp_path):
    folder, _ = run
    model = found(folder / "checkpoints" / "step_5", tmp_path)
    assert (model.folder, model.step) == (folder / "checkpoints/step_5/hf", 5)
    (folder / "checkpoints" / "step_5" / "hf" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="step_5 is not complete"):
        found(folder / "checkpoints" / "step_5", tmp_path)


def test_a_hugging_face_folder(tmp_path):
    folder = hf(tmp_path / "hf-folder")
    model = found(folder, tmp_path)
    assert (model.folder, model.step, model.context) == (folder, None, 64)
    facts = model_facts(PolicyConfig(model=str(folder)), model, "float32")
    assert (facts.path, facts.commit, facts.dtype) == (str(folder), None, "float32")


def test_the_built_in_model_is_made(tmp_path):
    model = found("tiny-moe", tmp_path)
    assert model.folder == tmp_path / "work"
    assert (model.folder / "model.safetensors").is_file()


def test_a_snapshot_of_the_hub_names_its_commit(tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = hf(tmp_path / "models--a--b" / "snapshots" / commit)
    assert model_facts(PolicyConfig(model=str(folder)), found(folder, tmp_path), "float32").commit == commit


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "is no causal language model .*BertForMaskedLM"),
        ({"architectures": ["Qwen3ForSequenceClassification"]}, "is no causal language model"),
        ({"architectures": []}, "names the architectures: none"),
        ({"architectures": None}, "names the architectures: none"),
    ],
)
def test_what_writes_no_text_is_refused(tmp_path, config, says):
    with pytest.raises(ModelError, match=says):
        found(hf(tmp_path / "m", **config), tmp_path)


def test_what_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGTHOUGHT_RUNS", str(tmp_path))
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    (tmp_path / "empty" / "recipe.yaml").touch()
    with pytest.raises(ModelError, match="holds no complete checkpoint"):
        found("empty", tmp_path)
    (tmp_path / "bare").mkdir()
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        found(tmp_path / "bare", tmp_path)
    with pytest.raises(ModelError, match="no folder here, and the hub did not give it"):
        found("nobody/nothing", tmp_path)


def test_a_checkpoint_has_no_revisions(run, tmp_path):
    folder, _ = run
    with pytest.raises(ModelError, match="has no revisions"):
        find_model(PolicyConfig(model=str(folder), revision="main"), tmp_path, 0)


def test_any_training_changes_the_fingerprint(tmp_path):
    big = bytearray(8_000_000)
    one = fingerprint(hf(tmp_path / "a", bytes(big)))
    assert fingerprint(hf(tmp_path / "b", bytes(big))) == one, "it is of what is in the files, not of where they are"
    big[::1000] = b"x" * len(big[::1000])
    assert fingerprint(hf(tmp_path / "c", bytes(big))) != one
    assert fingerprint(hf(tmp_path / "d", bytes(8_000_000), rope_theta=2)) != one


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({"dtype": "float32"}, "float32"),
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"dtype": None, "torch_dtype": "float32"}, "float32"),
        ({"dtype": "float16"}, "bfloat16"),
        ({"dtype": None}, "bfloat16"),
        ({"dtype": None, "text_config": {"dtype": "float32"}}, "float32"),
    ],
)
def test_the_dtype_is_the_models_own_where_it_can_be_computed_with(tmp_path, config, dtype):
    assert guess_dtype(str(hf(tmp_path / "m", **config))) == dtype
    assert guess_dtype("nobody/nothing") == "bfloat16"
    assert guess_dtype("tiny-moe") == "float32"
