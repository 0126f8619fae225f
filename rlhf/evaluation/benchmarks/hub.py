"""Rows of a data set of the hub, and the commit that they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks.files import records_of, sha256_of
from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.benchmarks.spec import Hub
from rlhf.evaluation.results import SourceFacts

UNVERIFIED = "unverified"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def hub_records(hub: Hub, files: Iterable[str]) -> tuple[list[Record], SourceFacts]:
    """files: what --data-dir would be searched for, for the message of the DataError where the hub does not answer."""
    import datasets

    try:
        return _of_file(hub, hub.file) if hub.file is not None else _of_set(hub)
    except DataError:
        raise
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        said = " ".join(str(error).split())[:400]
        raise DataError(
            hub.id,
            f"cannot be loaded from the hub: {said}; check the network, and HF_TOKEN where a data set is gated, or "
            f"give --data-dir, a folder with {' or '.join(files)}",
        ) from error


def _of_set(hub: Hub) -> tuple[list[Record], SourceFacts]:
    """Through `datasets`, which keeps what it made of a data set in a folder that is named by the commit."""
    import datasets

    data = datasets.load_dataset(hub.id, name=hub.subset, split=hub.split, revision=hub.revision, streaming=False)
    where = f"{hub.id}[{hub.split}]"
    records = [Record(f"{where}:row {number + 1}", number, row) for number, row in enumerate(data)]
    return records, _facts(hub, commit_of(Path(cached["filename"]) for cached in data.cache_files))


def _of_file(hub: Hub, name: str) -> tuple[list[Record], SourceFacts]:
    """Without `datasets`: the hub's cache keeps files under `snapshots/COMMIT`."""
    import huggingface_hub

    path = Path(huggingface_hub.hf_hub_download(hub.id, name, repo_type="dataset", revision=hub.revision))
    return list(records_of(path)), _facts(hub, commit_of([path]), name, sha256_of(path))


def commit_of(cached: Iterable[Path]) -> str | None:
    """The commit that names a folder above each of these files, if it is the same of all; None of a local data set."""
    commits = {next((part for part in reversed(path.parts[:-1]) if _COMMIT.fullmatch(part)), None) for path in cached}
    return commits.pop() if len(commits) == 1 else None


def _facts(hub: Hub, commit: str | None, file: str | None = None, sha256: str | None = None) -> SourceFacts:
    return SourceFacts(
        kind="hub",
        name=hub.id,
        subset=hub.subset,
        split=hub.split,
        revision=hub.revision or UNVERIFIED,
        commit=commit,
        file=file,
        sha256=sha256,
    )
