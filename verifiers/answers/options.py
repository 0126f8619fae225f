"""The options of a multiple-choice question, from a prompt's metadata, and how their texts are compared."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from verifiers.answers.plain import plain

MAX_OPTIONS = 26
_UNIT_SPACE = re.compile(r"(?<=[0-9]) (?=[^\W\d_])")
_INDEX = re.compile(r"(?:(?<=[A-Z])|(?<=[A-Z][a-z])|(?<=[)\]]))_(?=[0-9])")


@dataclass(frozen=True, slots=True)
class Options:
    """labels: capital letters or digits, in order. texts: by label, as compared; empty where only letters are known."""

    labels: tuple[str, ...]
    texts: Mapping[str, str]

    def by_text(self, text: str) -> list[str]:
        """The labels of the options with this text (as `comparable` gives it): in this case, else in any case,
        else with or without a space between a number and its unit."""
        return next((found for alike in (str, str.casefold, _closed) if (found := self._labels(text, alike))), [])

    def _labels(self, text: str, alike: Callable[[str], str]) -> list[str]:
        wanted = alike(text)
        return [label for label, found in self.texts.items() if alike(found) == wanted]


def _closed(text: str) -> str:
    return _UNIT_SPACE.sub("", text.casefold())


def comparable(text: str) -> str:
    """`text` as it shows, without quotation marks around it, compatibility forms as the characters that they stand for,
    `CO_2` as `CO2`. Raises TooDeepError."""
    found = _INDEX.sub("", " ".join(unicodedata.normalize("NFKC", plain(text)).split()))
    return found[1:-1].strip() if len(found) > 2 and found[0] == found[-1] and found[0] in "\"'" else found


def options_of(metadata: Mapping[str, Any], field: str, letters: str) -> Options:
    """From `metadata[field]`: a list of texts (A, B, …), a mapping of labels to texts, `{"text": […], "label": […]}`.

    letters: the options' letters where the metadata has no such field. Raises ValueError, naming what was found.
    """
    if letters and (
        len(set(letters)) < len(letters) or not 2 <= len(letters) <= MAX_OPTIONS or not _are_labels(letters)
    ):
        raise ValueError(f"letters: found {letters!r}; write 2 to {MAX_OPTIONS} distinct capital letters, e.g. ABCD")
    found = metadata.get(field)
    if found is None:
        if not letters:
            raise ValueError(
                f"metadata.{field}: not there; write {field} into data.metadata_fields, or config.letters where the "
                "options stand in the prompt alone"
            )
        return Options(tuple(letters), {})
    texts = _labelled(found, field)
    if not 2 <= len(texts) <= MAX_OPTIONS:
        raise ValueError(f"metadata.{field}: found {len(texts)} options; write 2 to {MAX_OPTIONS}")
    return Options(tuple(texts), {label: comparable(text) for label, text in texts.items()})


def _labelled(found: object, field: str) -> dict[str, str]:
    if isinstance(found, Mapping) and set(found) == {"text", "label"}:
        labels, texts = found["label"], found["text"]
        if not (isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts)):
            raise ValueError(f"metadata.{field}: write as many labels as texts, both as lists")
        pairs = list(zip(labels, texts, strict=True))
    elif isinstance(found, Mapping):
        pairs = list(found.items())
    elif isinstance(found, list):
        if len(found) > MAX_OPTIONS:
            raise ValueError(f"metadata.{field}: found {len(found)} options; write 2 to {MAX_OPTIONS}")
        pairs = list(zip(string.ascii_uppercase, found, strict=False))
    else:
        kind = type(found).__name__
        raise ValueError(f"metadata.{field}: found a {kind}; write a list of texts, or a mapping of letters to texts")
    if not all(isinstance(label, str) and isinstance(text, str) for label, text in pairs):
        raise ValueError(f"metadata.{field}: labels and texts must be texts")
    upper = [(label.strip().upper(), text) for label, text in pairs]
    if not _are_labels([label for label, _ in upper]) or len({label for label, _ in upper}) < len(upper):
        shown = ", ".join(label for label, _ in upper)
        raise ValueError(f"metadata.{field}: found labels {shown}; write distinct single letters or digits")
    return dict(upper)


def _are_labels(labels: str | list[str]) -> bool:
    return all(len(label) == 1 and label in string.ascii_uppercase + string.digits for label in labels)
