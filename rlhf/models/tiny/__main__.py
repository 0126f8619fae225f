"""`python -m rlhf.models.tiny`: writes the shipped tokenizer files again, byte for byte (a test compares them)."""

from __future__ import annotations

from rlhf.models.tiny.build import HERE
from rlhf.models.tiny.tokenizer import FILES, write_tokenizer

if __name__ == "__main__":
    write_tokenizer(HERE)
    print(f"wrote {' and '.join(FILES)} to {HERE}")
