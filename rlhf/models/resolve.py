"""From `policy.model` to a local folder with weights and tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlhf.recipe.schema import PolicyConfig

TINY = "tiny-moe"


class ModelError(ValueError):
    """The policy's model cannot be had; the message says what was looked for and what to write."""


def resolve_model(policy: PolicyConfig, folder: Path, seed: int) -> Path:
    """`tiny-moe` is built into `folder` (once); a local folder is used as it is; a hub id is downloaded."""
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
