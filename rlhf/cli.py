"""The `rlhf` command. Heavy packages are imported by the command that needs them, never at start."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from rlhf import __version__

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="rlhf",
    help="Reinforcement-learning post-training for reasoning models. `rlhf RECIPE` is `rlhf train RECIPE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = ("train", "check", "verify", "export", "report", "list")
Recipe = Annotated[Path, typer.Argument(help="a recipe (YAML)", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Argument(help="key.path=value …, applied over the recipe")]


def main() -> None:
    """Entry point of the console script and of a recipe's shebang."""
    refuse_foreign_verifiers()
    arguments = sys.argv[1:]
    if arguments and arguments[0].endswith((".yaml", ".yml")):
        arguments = ["train", *arguments]
    try:
        app(arguments)
    except Exception as error:
        if not _expected(error):
            raise
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    """End with the error's text alone: it says what a user needs."""
    text = "\n".join([f"rlhf: {error}", *getattr(error, "__notes__", ())])
    Console(stderr=True, highlight=False).print(text, style="red", markup=False, soft_wrap=True)
    raise SystemExit(2) from error


@app.command()
def train(
    recipe: Recipe,
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on from the run's last complete checkpoint")] = False,
) -> None:
    """Train by a recipe, or go on with --resume.

    Starts an embedded Ray when none runs; the run folder's path is printed first.
    """
    loaded = _load(recipe, overrides)
    console = Console(highlight=False)
    for warning in loaded.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    from cluster.session import train as run_training

    try:
        outcome = run_training(loaded.recipe, resume)
    except asyncio.CancelledError:  # a signal came before there was anything to keep
        raise typer.Exit(130) from None
    from rlhf.outcome import describe_outcome

    console.print(describe_outcome(outcome.record.summary, outcome.report), markup=False)
    if not outcome.finished:
        command = shlex.join(["rlhf", "train", str(recipe), *(overrides or ()), "--resume"])
        console.print(f"stopped early; continue with: {command}", markup=False, soft_wrap=True)
        raise typer.Exit(130)


@app.command()
def check(recipe: Recipe, overrides: Overrides = None) -> None:
    """Validate a recipe and print its plan; starts nothing.

    Placement per node, parameters, memory per device, tokens per step; with a reward that runs code, what sandbox this
    machine gives, which is tried.
    """
    from cluster.on_paper import placed
    from rlhf.recipe.plan import render_plan
    from rlhf.recipe.sandboxes import sandbox_lines

    loaded = _load(recipe, overrides)
    plan = render_plan(loaded, placed(loaded.recipe, loaded.devices), sandbox_lines(loaded.recipe))
    Console(highlight=False).print(plan)


@app.command()
def verify(
    verifier: Annotated[str, typer.Argument(help="a name of `rlhf list verifiers`, or my_module:name")],
    in_path: Annotated[Path, typer.Option("--in", help="jsonl: response, reference, prompt?, metadata?")],
    out_path: Annotated[Path, typer.Option("--out", help="jsonl: score, status, extracted, reason, seconds")],
    workers: Annotated[int, typer.Option(help="verifier processes")] = 2,
    timeout: Annotated[float, typer.Option(help="seconds for one response; its process is killed after it")] = 10.0,
    config: Annotated[str, typer.Option(help="the verifier's settings, as YAML")] = "{}",
    isolation: Annotated[str, typer.Option(help="required, or process_only to accept a killable process alone")] = (
        "required"
    ),
) -> None:
    """Judge the responses of a file with a verifier.

    Each is judged in a process that is killed when it takes too long.
    """
    import yaml

    from verifiers.cli import verify_file

    try:
        counted = verify_file(
            verifier,
            _settings(config),
            in_path,
            out_path,
            workers=workers,
            timeout_s=timeout,
            isolation=isolation,  # type: ignore[arg-type] # checked by verify_file
        )
    except (ValueError, OSError, yaml.YAMLError) as error:  # a wrong name, row, setting or path: its text says which
        _refuse(error)
    shown = ", ".join(f"{count} {status}" for status, count in counted.statuses.items() if count)
    total = sum(counted.statuses.values())
    typer.echo(f"{total} verdicts in {out_path}: {shown or 'none'}")
    if counted.first_error:
        typer.echo(f"the first error: {counted.first_error}", err=True)
    if counted.statuses["error"] == total > 0:
        raise typer.Exit(1)


def _settings(text: str) -> dict[str, Any]:
    """A verifier's settings from a command line."""
    import yaml

    found = yaml.safe_load(text) or {}
    if not isinstance(found, dict):
        raise ValueError(f"--config: found {text!r}; write a mapping, e.g. 'ignore_case: true'")
    return found


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="a run folder, or the name of one")],
    to: Annotated[Path, typer.Argument(help="the folder to write; must not exist")],
    step: Annotated[int | None, typer.Option(help="this checkpoint; default the last complete one")] = None,
) -> None:
    """Copy a checkpoint's weights as a Hugging Face folder.

    transformers and vLLM load it.
    """
    from rlhf.checkpoint import export_checkpoint
    from rlhf.run_folder import find_run

    typer.echo(f"{export_checkpoint(find_run(run), step, to)} → {to}")


@app.command()
def report(runs: Annotated[list[Path], typer.Argument(help="run folders, or their names")]) -> None:
    """Rebuild report.html of each run."""
    from rlhf.evaluation.report.build import build_report
    from rlhf.run_folder import find_run

    for run in runs:
        typer.echo(build_report(find_run(run)))


@app.command("list")
def list_names(
    what: Annotated[str | None, typer.Argument(help="algorithms or verifiers; default both")] = None,
    name: Annotated[str | None, typer.Argument(help="a verifier: list its settings and tasks, e.g. logic")] = None,
) -> None:
    """List algorithms or verifiers, a line each; or the settings and tasks of a verifier."""
    from rlhf.algorithms.catalog import CATALOG
    from verifiers.listing import settings_lines, task_lines, verifier_lines
    from verifiers.specs import VERIFIERS

    algorithms = {name: definition.summary for name, definition in CATALOG.items()}
    tables = {"algorithms": algorithms, "verifiers": verifier_lines()}
    if what is not None and what not in tables:
        raise typer.BadParameter(f"{what!r} cannot be listed; write {' or '.join(tables)}")
    if name is not None:
        if what != "verifiers":
            raise typer.BadParameter(f"{what} have no settings to be listed: remove {name!r}")
        if name not in VERIFIERS:
            raise typer.BadParameter(f"{name!r} is no built-in verifier; write verifiers {' | '.join(VERIFIERS)}")
        typer.echo(f"{VERIFIERS[name].summary}\n\nsettings, with their defaults in brackets:")
        _print_table(settings_lines(name))
        tasks, legend = task_lines(name)
        if tasks:
            typer.echo("\ntasks:")
            _print_table(tasks)
            typer.echo(f"\n{legend}")
        return
    for table in [what] if what else tables:
        if what is None:
            typer.echo(f"{table}:")
        _print_table(tables[table])


def _print_table(lines: Mapping[str, str]) -> None:
    width = max(map(len, lines))
    for name, line in lines.items():
        typer.echo(f"{name:<{width}}  {line}")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if version:
        typer.echo(f"longthought {__version__}")
        raise typer.Exit


def _load(recipe: Path, overrides: list[str] | None) -> Any:
    from rlhf.recipe.load import load_checked

    return load_checked(recipe, overrides or ())


def refuse_foreign_verifiers() -> None:
    """Another package of the name `verifiers` on the path would judge in place of ours."""
    import verifiers

    ours = Path(__file__).resolve().parent.parent / "verifiers"
    found = Path(verifiers.__file__ or "").resolve().parent
    if found != ours:
        raise SystemExit(
            f"rlhf: `import verifiers` finds {found}, which is not this project's ({ours}); "
            "uninstall that package or start from another folder"
        )


def _expected(error: Exception) -> bool:
    """Errors whose message is all that a user needs; anything else is a defect and keeps its traceback."""
    names = {
        "RecipeError",
        "DataError",
        "BadRowError",
        "ModelError",
        "RunFolderError",
        "CheckpointError",
        "PlacementError",
        "RayUnreachableError",
        "PublicationError",
        "LearnerLostError",
        "NonFiniteError",
        "OffendingBatchError",
        "IsolationError",
        "VerifierLoadError",
        "WorkerStartError",
        "GoldError",
        "NothingToTrainOnError",
        "TrackerError",
    }
    return any(cls.__name__ in names for cls in type(error).__mro__)
