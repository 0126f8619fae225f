"""MLflow behind the two calls of a `Sink`: a client of its own, and none of MLflow's global state.

Without MLFLOW_TRACKING_URI the run is kept in files, under `RUN/mlruns`. MLflow calls that store "in maintenance
mode" and refuses it unless MLFLOW_ALLOW_FILE_STORE says otherwise; what it recommends instead, SQLite, needs
SQLAlchemy, which the locked mlflow-skinny does without. The same variable lets the full MLflow's `mlflow ui
--backend-store-uri RUN/mlruns` show it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rlhf.metrics.trackers import TrackerError, starting

SETTINGS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it would tear the live view
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",  # with the pauses between them: an outage of a minute is sat out
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "60",
}
"""What MLflow reads from the environment, set where the user has not set it (seconds and counts)."""

AT_START = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "10"}
"""While a run starts somebody waits: a wrong address is said within a minute."""

STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
"""MLflow's name for how a run ended, by ours."""

REFUSED = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
KEY_LENGTH = 250
PARAM_LENGTH = 6000


class MlflowSink:
    """A run of the MLflow experiment `project`, tagged with `group`; metrics under their own names (`MetricNames`).

    run_dir: where the local store goes. config: the recipe, logged as parameters with dotted keys.
    Raises TrackerError where MLflow, or the server of MLFLOW_TRACKING_URI, cannot start the run.
    """

    def __init__(self, project: str, name: str, group: str, run_dir: Path, config: Mapping[str, Any]) -> None:
        with starting("mlflow_project", "null"), _settings():
            from mlflow import MlflowClient
            from mlflow.entities import Param

            self._client = MlflowClient(tracking_uri=_tracking_uri(run_dir))
            experiment = _experiment(self._client, project)
            run = self._client.create_run(experiment, run_name=name, tags={"group": group})
            self._run_id, self._names = run.info.run_id, MetricNames()
            self._step, self._time_ms = -1, 0
            params = [Param(key, value) for key, value in parameters(config).items()]
            self._client.log_batch(self._run_id, params=params, synchronous=True)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Raises ValueError where MLflow refuses the step for what it holds; MlflowException for anything else."""
        from mlflow.entities import Metric
        from mlflow.exceptions import MlflowException

        if step != self._step:
            # A step that is sent again keeps its time: a server that has it already then stores it once.
            self._step, self._time_ms = step, time.time_ns() // 1_000_000
        # Sorted: a total is named before its parts, in every run alike (see MetricNames).
        rows = [Metric(self._names.of(key), float(metrics[key]), self._time_ms, step) for key in sorted(metrics)]
        try:
            self._client.log_batch(self._run_id, metrics=rows, synchronous=True)
        except MlflowException as error:
            if error.error_code in REFUSED:
                raise ValueError(f"MLflow refuses step {step}: {error}") from error
            raise

    def close(self, status: str = "finished") -> None:
        self._client.set_terminated(self._run_id, status=STATUS[status])


class MetricNames:
    """Each metric's name in MLflow: its key, less what MLflow refuses, and never two keys under one name.

    MLflow takes letters, digits, spaces and `_-./`. Its file store keeps a metric as a file whose path is the
    name, so `prompts/dropped` and `prompts/dropped/stale` cannot both be names: the second is `prompts/dropped.stale`.
    """

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._names: set[str] = set()
        self._folders: set[str] = set()  # every path above a name

    def of(self, key: str) -> str:
        if key not in self._of:
            self._of[key] = name = self._new(allowed(key))
            self._names.add(name)
            self._folders.update(_above(name))
        return self._of[key]

    def _new(self, name: str) -> str:
        for above in _above(name):
            if above in self._names:
                name = above + "." + name[len(above) + 1 :].replace("/", ".")
                break
        free, number = name, 1
        while free in self._names or free in self._folders or not self._names.isdisjoint(_above(free)):
            number += 1
            free = f"{name[: KEY_LENGTH - 8]}_{number}"
        return free


def _above(name: str) -> list[str]:
    """The folders of a name, the shortest first: `a/b/c` has `a` and `a/b`."""
    return [name[: slash.start()] for slash in re.finditer("/", name)]


def allowed(key: str) -> str:
    """The key with `_` for every character, and every part of a path, that MLflow refuses."""
    parts = re.sub(r"[^A-Za-z0-9_. /-]", "_", key).split("/")
    name = "/".join("_" if part in ("", ".", "..") else part for part in parts)[:KEY_LENGTH].rstrip("/")
    return "_" + name[1:] if name.startswith("..") else name


def parameters(config: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """A recipe as MLflow's flat strings: `{"a": {"b": [1]}}` is `{"a.b": "[1]"}`. Long values are cut."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value:
            flat |= parameters(value, name)
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            flat[allowed(name)] = text[:PARAM_LENGTH]
    return flat


def _experiment(client: Any, project: str) -> str:
    """The experiment's id; made where there is none. Two runs that start at once both want to make it."""
    from mlflow.exceptions import MlflowException

    if (found := client.get_experiment_by_name(project)) is None:
        try:
            return str(client.create_experiment(project))
        except MlflowException as error:
            found = client.get_experiment_by_name(project)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
                raise
    return str(found.experiment_id)


def _tracking_uri(run_dir: Path) -> str:
    """MLFLOW_TRACKING_URI, or the run's own files. Raises TrackerError for what could not work, or would leak."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or (run_dir.absolute() / "mlruns").as_uri()
    where = urlsplit(uri)
    if where.scheme.split("+")[0] in DATABASES and importlib.util.find_spec("sqlalchemy") is None:
        raise TrackerError(
            f"tracking.mlflow_project: MLFLOW_TRACKING_URI names a database ({where.scheme}), which mlflow-skinny "
            "cannot open. Name a server (`mlflow server --backend-store-uri ...`) or a folder, install the whole "
            "`mlflow`, or write `tracking.mlflow_project=null`."
        )
    if where.password is not None:
        raise TrackerError(
            "tracking.mlflow_project: MLFLOW_TRACKING_URI holds a password, which errors would print. Write it "
            "without, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    return uri


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """SETTINGS from here on, and AT_START's shorter bounds inside. MLflow reads them at every call."""
    own = [name for name in AT_START if os.environ.get(name) in (None, SETTINGS[name])]
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ.update({name: AT_START[name] for name in own})
    try:
        yield
    finally:
        os.environ.update({name: SETTINGS[name] for name in own})
