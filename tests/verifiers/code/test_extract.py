"""Which text of a response is the program."""

import pytest

from verifiers.code.extract import Source, blocks, extract

FENCES = [
    ("```python\nx\n```", [("python", "x")]),
    ("text\n```\nx\n```\nmore\n```py\ny\n\nz\n```", [("", "x"), ("py", "y\n\nz")]),
    ("````python\n```\nx\n```\n````", [("python", "```\nx\n```")]),
    ("~~~c++\nx\n~~~", [("c++", "x")]),
    ("```python\nx", []),
    ("```python\nx\n``", []),
    ("   ```Python title=a\nx\n   ```", [("python", "x")]),
    ("`x` ```y```", []),
    ("```python\n    x\n```", [("python", "    x")]),
    ("```python\nx\n```\n```python\ny", [("python", "x")]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), FENCES)
def test_fenced_blocks(text: str, expected: list[tuple[str, str]]) -> None:
    assert blocks(text) == expected


EXTRACTED = [
    ("```python\na\n```\n```python\nb\n```", "python", "b"),
    ("```python\na\n```\n```text\nb\n```", "python", "a"),
    ("```cpp\na\n```", "python", None),
    ("```cpp\na\n```", "cpp", "a"),
    ("```c++\na\n```", "fence", "a"),
    ("```\na\n```", "cpp", "a"),
    ("<think>```python\na\n```</think> none", "python", None),
    ("<think>```python\na\n```</think>```python\nb\n```", "python", "b"),
    ("```python\n   \n```", "python", None),
    ("print(1)", "python", None),
    ("```python\n" + "x" * 200_001 + "\n```", "python", None),
]


@pytest.mark.parametrize(("response", "language", "expected"), EXTRACTED)
def test_the_last_block_of_the_language_counts(response: str, language: str, expected: str | None) -> None:
    found = extract(response, "fence", language, "</think>")
    assert (found.text if isinstance(found, Source) else None) == expected
