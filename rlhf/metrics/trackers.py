"""The trackers, each behind the two calls of a `Sink`. Their libraries are imported when one is opened.

Every failure to start is a TrackerError that says what to do; `sinks.py` decides what a later failure does.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import logging
import netrc
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

_log = logging.getLogger(__name__)
ABANDON_SECONDS = 1.0


class Sink(Protocol):
    """Takes one step's metrics at a time, in the order of the steps."""

    def log(self, step: int, metrics: Mapping[str, Any]) -> None: ...

    def close(self, status: str = "finished") -> None:
        """status: how the run ended: `finished`, `interrupted` or `failed`."""


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

    def close(self, status: str = "finished") -> None:
        self._writer.close()


class WandbSink:
    """A W&B run. WANDB_MODE is respected (`offline` needs no network); it never prompts for a key.

    Raises TrackerError where W&B would be online and has no key.
    """

    def __init__(self, project: str, name: str, group: str, run_dir: Path, config: Mapping[str, Any]) -> None:
        # W&B's reports about itself go to the same server; at exit they are waited for, 10 s where it is silent.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
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
            try:
                self._run = wandb.init(
                    project=project,
                    name=name,
                    group=group,
                    dir=str(run_dir),
                    config=dict(config),
                    settings=settings,
                    mode=mode,  # type: ignore[arg-type]
                )
            except Exception:
                _let_wandb_go()
                raise

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self, status: str = "finished") -> None:
        self._run.finish(exit_code=0 if status == "finished" else 1)

    def abandon(self) -> None:
        """After a `close` that hangs: lets the process end. What was not sent stays in RUN/wandb for `wandb sync`."""
        _let_wandb_go()


def _let_wandb_go() -> None:
    """Takes back the hook with which W&B waits for its service at exit, however long an upload takes.

    `wandb.teardown` takes it back first, then waits as the hook would: in a thread that no exit waits for.
    The service ends with the process, whose id it watches.
    """
    thread = threading.Thread(target=_wandb_teardown, name="wandb-teardown", daemon=True)
    thread.start()
    thread.join(ABANDON_SECONDS)


def _wandb_teardown() -> None:
    import wandb

    try:
        wandb.teardown()
    except Exception as error:  # noqa: BLE001 - W&B is given up already, and that was said
        _log.debug("wandb.teardown: %s", error)


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

    def close(self, status: str = "finished") -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self._run.finish()
