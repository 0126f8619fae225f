"""From `policy.model` to a local folder with weights and tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlhf.attention.rope_scaling import RopeScaling
    from rlhf.recipe.schema import PolicyConfig

TINY = "tiny-moe"
SOFTMAX = "softmax"


class ModelError(ValueError):
    """The policy's model cannot be had; the message says what was looked for and what to write."""


def resolve_model(policy: PolicyConfig, folder: Path, seed: int) -> Path:
    """`tiny-moe` is built into `folder` (once); a local folder is used as it is; a hub id is downloaded.

    With `policy.attention` a policy with these kernels is made of the model, into `folder` (once).
    """
    if policy.attention is None:
        return _base_model(policy, folder, seed)
    if (folder / "config.json").is_file():
        return folder
    base = _base_model(policy, folder / "base", seed)
    layers, rope = _layers_asked(policy, base)
    if not layers:
        return base
    from rlhf.models.hybrid.build import write_hybrid

    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_hybrid(base, partial, layers, seed, rope)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(partial.iterdir(), key=lambda file: file.name == "config.json"):  # the last one says: all there
        file.replace(folder / file.name)
    partial.rmdir()
    return folder


def _layers_asked(policy: PolicyConfig, base: Path) -> tuple[list[dict[str, Any]], RopeScaling | None]:
    """What `policy.attention` changes of the model in `base`; no layers where it changes nothing."""
    from rlhf.attention.rope_scaling import RopeScaling
    from rlhf.recipe.attention import resolve_layers
    from rlhf.recipe.model_config import BUILT

    assert policy.attention is not None
    config = json.loads((base / "config.json").read_text("utf-8"))
    layers = resolve_layers(policy.attention, config["num_hidden_layers"])
    asked = policy.attention.rope
    built = config["model_type"].startswith(BUILT)  # which `rlhf check` has compared with the recipe
    if built or (asked is None and all(layer.kernel == SOFTMAX for layer in layers)):
        return [], None
    rope = None if asked is None else RopeScaling(asked.type, asked.factor, asked.original_context)
    return [{"kernel": layer.kernel, "settings": layer.settings} for layer in layers], rope


def _base_model(policy: PolicyConfig, folder: Path, seed: int) -> Path:
    if policy.model == TINY:
        if not (folder / "config.json").exists():
            from rlhf.models.tiny.build import write_tiny_moe

            write_tiny_moe(folder, seed)
        return folder
    local = Path(policy.model).expanduser()
    if local.is_dir():
        if not (local / "config.json").is_file():
            raise ModelError(f"policy.model: {local} holds no config.json; name a folder in Hugging Face format")
        return local.absolute()
    return _download(policy)


def _download(policy: PolicyConfig) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        patterns = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
        return Path(snapshot_download(policy.model, revision=policy.revision, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"policy.model: {policy.model!r} is no folder here, and the hub did not give it: {error}; "
            f"write a folder, a hub id, or {TINY}"
        ) from error


def load_tokenizer(folder: Path) -> Any:
    """Raises ModelError for a folder without one."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no tokenizer that can be read: {error}; put the model's own there") from error
