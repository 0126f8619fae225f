"""The trackers, each behind the two calls of a `Sink`. Their libraries are imported when one is opened.

Every failure to start is a TrackerError that says what to do; `sinks.py` decides what a later failure does.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import netrc
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class TrackerError(RuntimeError):
    """A tracker named in the recipe cannot start; the message says which key to change."""


@contextlib.contextmanager
def starting(key: str, off: str) -> Iterator[None]:
    """Turns whatever a tracker raises while it starts into a TrackerError that names the recipe's key."""
    try:
        yield
    except TrackerError:
        raise
    except ImportError as error:
        raise TrackerError(
            f"tracking.{key}: its library cannot be imported ({error}). Install it, or write `tracking.{key}={off}`."
        ) from error
    except Exception as error:
        raise TrackerError(
            f"tracking.{key}: cannot start ({type(error).__name__}: {error}). "
            f"Mend that, or write `tracking.{key}={off}`."
        ) from error


class TensorBoardSink:
    """Event files under `log_dir`. On resume TensorBoard is told to forget the steps after the resumed one."""

    def __init__(self, log_dir: Path, resume_step: int | None = None) -> None:
        with starting("tensorboard", "false"):
            from torch.utils.tensorboard import SummaryWriter

            purge = None if resume_step is None else resume_step + 1
            self._writer = SummaryWriter(str(log_dir), purge_step=purge, flush_secs=10)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        for key, value in metrics.items():
            self._writer.add_scalar(key, value, step)

    def close(self) -> None:
        self._writer.close()


class WandbSink:
    """A W&B run. WANDB_MODE is respected (`offline` needs no network); it never prompts for a key.

    Raises TrackerError where W&B would be online and has no key.
    """

    def __init__(self, project: str, name: str, group: str, run_dir: Path, config: Mapping[str, Any]) -> None:
        with starting("wandb_project", "null"):
            import wandb

            mode = os.environ.get("WANDB_MODE") or "online"
            if mode == "online" and not _wandb_has_key():
                raise TrackerError(
                    "tracking.wandb_project: W&B has no API key here, and a training run does not prompt for one. "
                    "Set WANDB_API_KEY, or run `wandb login` once, or set WANDB_MODE=offline and `wandb sync` later, "
                    "or write `tracking.wandb_project=null`."
                )
            settings = wandb.Settings(silent=True, console="off", init_timeout=60.0)
            self._run = wandb.init(
                project=project,
                name=name,
                group=group,
                dir=str(run_dir),
                config=dict(config),
                settings=settings,
                mode=mode,  # type: ignore[arg-type]
            )

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


def _wandb_has_key() -> bool:
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "//api.wandb.ai")).hostname or ""
    named = os.environ.get("NETRC")
    places = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    for place in places:
        if place.is_file():
            try:
                return netrc.netrc(place).authenticators(host) is not None
            except netrc.NetrcParseError as error:
                raise TrackerError(
                    f"{place}: cannot be read for a W&B key ({error}). Mend it, or set WANDB_API_KEY."
                ) from error
    return False


class TrackioSink:
    """A trackio run: local (under TRACKIO_DIR), or on a Space or server where trackio's own variables name one."""

    def __init__(self, project: str, name: str, group: str, config: Mapping[str, Any]) -> None:
        # Its greetings would tear the live view.
        with starting("trackio_project", "null"), contextlib.redirect_stdout(io.StringIO()):
            import trackio

            # In a context of its own: trackio would else finish the run a second time at exit, and print.
            self._run = contextvars.copy_context().run(
                trackio.init,
                project=project,
                name=name,
                group=group,
                config=dict(config),
                embed=False,
                auto_log_cpu=False,
                auto_log_gpu=False,
            )

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self._run.finish()
