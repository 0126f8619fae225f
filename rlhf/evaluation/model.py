"""From what a user calls a model to a folder that vLLM loads: a run, a checkpoint, a Hugging Face folder, a hub id."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.checkpoint import BEST, Checkpoints, is_complete
from rlhf.evaluation.results import ModelFacts
from rlhf.models.resolve import TINY, ModelError, resolve_model
from rlhf.recipe.model_config import find_trained_config
from rlhf.recipe.schema import PolicyConfig
from rlhf.run_folder import default_root

_CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})$")
_PIECES, _PIECE_BYTES = 64, 65_536


@dataclass(frozen=True, slots=True)
class FoundModel:
    """note: what a user should know of the choice, or empty. context: tokens that it was made for, where it says so."""

    folder: Path
    step: int | None
    note: str
    context: int | None


def find_model(policy: PolicyConfig, workspace: Path, seed: int) -> FoundModel:
    """workspace: where a built-in model is written. Raises ModelError for what is no causal language model."""
    folder, step, note = _locate(policy.model)
    if folder is None:
        folder = resolve_model(policy, workspace, seed)
    elif policy.revision is not None:
        raise ModelError(f"policy.revision: {policy.model} is a folder, which has no revisions; leave it out")
    config = _config(folder)
    require_causal(config, folder)
    return FoundModel(folder, step, note, config.get("text_config", config).get("max_position_embeddings"))


def _locate(asked: str) -> tuple[Path | None, int | None, str]:
    """(folder, step, note) of a run or a checkpoint; no folder where it is neither."""
    if asked == TINY:
        return None, None, ""
    for path in (Path(asked).expanduser(), default_root() / asked):
        if (path / "recipe.yaml").is_file() and (path / "checkpoints").is_dir():
            return _of_run(path)
        if (path / "hf" / "config.json").is_file():
            return _of_checkpoint(path)
    return None, None, ""


def _of_run(run: Path) -> tuple[Path, int | None, str]:
    checkpoints = Checkpoints(run / "checkpoints", keep=1)
    chosen = checkpoints.best() or checkpoints.latest()
    if chosen is None:
        raise ModelError(f"{run} holds no complete checkpoint; name a folder with weights")
    folder, step, _ = _of_checkpoint(chosen)
    return folder, step, f"of the run {run.name}: {chosen.name}, after {step} steps"


def _of_checkpoint(folder: Path) -> tuple[Path, int | None, str]:
    if not is_complete(folder):
        raise ModelError(f"{folder} is not complete (a run was killed while it wrote it); name another checkpoint")
    return (folder / "hf").absolute(), _step_of(folder), ""


def _step_of(checkpoint: Path) -> int | None:
    if checkpoint.name == BEST:
        return int(json.loads((checkpoint / "best.json").read_text())["step"])
    number = checkpoint.name.removeprefix("step_")
    return int(number) if number.isdecimal() else None


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{folder} holds no config.json; name a run, a checkpoint, a Hugging Face folder or a hub id"
        raise ModelError(message) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path}: holds no object")
    return found


def require_causal(config: dict[str, Any], folder: Path) -> None:
    names = config.get("architectures") or []
    if config.get("is_encoder_decoder") or not any(str(name).endswith(_CAUSAL) for name in names):
        found = ", ".join(map(str, names)) or "none"
        raise ModelError(
            f"{folder}: is no causal language model (config.json names the architectures: {found}); name a model that "
            "writes text, ...ForCausalLM"
        )


def model_facts(policy: PolicyConfig, found: FoundModel, dtype: str) -> ModelFacts:
    snapshot = _SNAPSHOT.search(str(found.folder))
    return ModelFacts(
        asked=policy.model,
        path=str(found.folder),
        revision=policy.revision,
        commit=snapshot[1] if snapshot else None,
        step=found.step,
        fingerprint=fingerprint(found.folder),
        dtype=dtype,
    )


def fingerprint(folder: Path) -> str:
    """Changes with the configuration, the tokenizer and the weights.

    Of files beyond 4 MB evenly spaced pieces are read, which any training changes.
    """
    digest = hashlib.sha256()
    kept = (".safetensors", ".bin", ".json", ".model", ".jinja", ".txt")
    for path in sorted(p for p in folder.iterdir() if p.suffix in kept and p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size};".encode())
        with path.open("rb") as file:
            if size <= _PIECES * _PIECE_BYTES:
                digest.update(file.read())
                continue
            for piece in range(_PIECES):
                file.seek(piece * (size - _PIECE_BYTES) // (_PIECES - 1))
                digest.update(file.read(_PIECE_BYTES))
    return digest.hexdigest()[:16]


def guess_dtype(asked: str, revision: str | None = None) -> str:
    """Of a model named on a command line: its own where its config.json is on this machine, else bfloat16."""
    path = find_trained_config(asked, revision)
    return dtype_of(_config(path.parent)) if path is not None else "bfloat16"


def dtype_of(config: dict[str, Any]) -> str:
    """float32 where the weights say so, else bfloat16."""
    text = config.get("text_config", config)
    names = [part.get(key) for part in (text, config) for key in ("dtype", "torch_dtype")]
    return "float32" if next((name for name in names if name), None) == "float32" else "bfloat16"
