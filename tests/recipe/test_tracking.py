"""The tracking section: its keys, and the warning where a tracker's library is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from pydantic import ValidationError

from rlhf.recipe.checks import check_tracking
from rlhf.recipe.schema import TrackingConfig
from tests.recipe.helpers import load

NAMED = ("tracking.wandb_project=p", "tracking.trackio_project=p", "tracking.mlflow_project=p")


def test_a_tracker_that_is_not_installed_is_warned_about_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load(tmp_path, overrides=NAMED).recipe
    assert list(check_tracking(recipe)) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = {finding.key: finding.message for finding in check_tracking(recipe)}
    assert not any(finding.fatal for finding in check_tracking(recipe))
    assert {key: text.split("`")[1] for key, text in found.items()} == {
        "tracking.wandb_project": "pip install wandb",
        "tracking.trackio_project": "pip install trackio",
        "tracking.mlflow_project": "pip install mlflow-skinny",
    }
    monkeypatch.undo()
    assert list(check_tracking(load(tmp_path).recipe)) == []


def test_token_details_are_on_for_a_few_groups_and_may_be_off() -> None:
    assert TrackingConfig().token_details == 4
    assert TrackingConfig(token_details=0).token_details == 0
    with pytest.raises(ValidationError):
        TrackingConfig(token_details=-1)
