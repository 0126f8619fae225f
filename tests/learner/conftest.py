from __future__ import annotations

from pathlib import Path

import pytest
from learner_helpers import KINDS, make_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of the small models, by architecture; `tied` is a llama with tied embeddings."""
    folder: Path = tmp_path_factory.mktemp("models")
    tied = make_model("llama", tmp_path_factory.mktemp("tied"), tied=True)
    return {kind: make_model(kind, folder) for kind in (*KINDS, "gemma", "granite", "gemma2")} | {"tied": tied}
