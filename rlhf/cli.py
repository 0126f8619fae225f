"""The `rlhf` command. Heavy packages are imported by the command that needs them, never at start."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from rlhf import __version__
from rlhf.expected_errors import is_expected

if TYPE_CHECKING:
    from rlhf.recipe.distill_schema import DistillRecipe
    from rlhf.recipe.eval_schema import EvalRecipe

app = typer.Typer(
    name="rlhf",
    help="Reinforcement-learning post-training for reasoning models. `rlhf RECIPE` is `rlhf train RECIPE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
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
        if not is_expected(error):
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
    """Run a recipe: train, evaluate, or distil.

    It evaluates where it says `kind: eval`, and gives a pretrained policy other attention kernels where it says
    `kind: distill`. Goes on with --resume.
    Starts an embedded Ray when none runs; the folder that it writes to is printed first.
    """
    from rlhf.recipe.load import LoadedDistill, LoadedEval, load_checked

    loaded = load_checked(recipe, overrides or ())
    console = Console(highlight=False)
    for warning in loaded.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    if isinstance(loaded, LoadedEval):
        from rlhf.evaluation.run.folder import results_file

        out = results_file(loaded.recipe, resume)
        typer.echo(f"results {out}", err=True)
        resuming = () if loaded.recipe.out is not None else ("--resume",)
        _evaluate(loaded.recipe, out, ["rlhf", "train", str(recipe), *(overrides or ()), *resuming])
        return
    again = shlex.join(["rlhf", "train", str(recipe), *(overrides or ()), "--resume"])
    if isinstance(loaded, LoadedDistill):
        _distill(loaded.recipe, resume, again)
        return
    from cluster.session import train as run_training

    try:
        outcome = run_training(loaded.recipe, resume)
    except asyncio.CancelledError:  # a signal came before there was anything to keep
        raise typer.Exit(130) from None
    from rlhf.outcome import describe_outcome

    console.print(describe_outcome(outcome.record.summary, outcome.report), markup=False)
    if not outcome.finished:
        console.print(f"stopped early; continue with: {again}", markup=False, soft_wrap=True)
        raise typer.Exit(130)


def _distill(recipe: DistillRecipe, resume: bool, again: str) -> None:
    """again: the command that goes on with it."""
    from cluster.distillation import distill
    from rlhf.stages.distill.results import results_lines

    console = Console(highlight=False)
    try:
        outcome = distill(recipe, resume)
    except (asyncio.CancelledError, KeyboardInterrupt):  # a signal came while the teacher was sampling
        console.print(f"stopped; what was sampled is kept; continue with: {again}", markup=False, soft_wrap=True)
        raise typer.Exit(130) from None
    if outcome.results.history:
        console.print("\n".join(results_lines(outcome.results)), markup=False)
    if outcome.curve is not None:
        console.print(f"curve: {outcome.curve}", markup=False, soft_wrap=True)
    if not outcome.finished:
        console.print(f"stopped early; continue with: {again}", markup=False, soft_wrap=True)
        raise typer.Exit(130)
    weights = outcome.folder / "checkpoints" / f"step_{outcome.steps}" / "hf"
    console.print(f"the policy: {weights} (a recipe's policy.model)", markup=False, soft_wrap=True)


@app.command("eval")
def evaluate(
    model: Annotated[str, typer.Argument(help="a run, a checkpoint, a Hugging Face folder or a hub id")],
    benchmark: Annotated[
        list[str], typer.Option("--benchmark", "-b", help="names of `rlhf list benchmarks`, or FILE.yaml")
    ],
    out: Annotated[Path, typer.Option(help="the results; its journal, FILE.samples.jsonl, lies beside it")],
    samples: Annotated[int | None, typer.Option(help="answers to every problem; default each benchmark's own")] = None,
    limit: Annotated[int | None, typer.Option(help="the first so many problems of each")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="folder of benchmark files: nothing is downloaded")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0: greedy; default 0 for one sample, 0.6 for several")
    ] = None,
    top_p: Annotated[float, typer.Option(help="1: off")] = 1.0,
    top_k: Annotated[int, typer.Option(help="0: off")] = 0,
    min_p: Annotated[float, typer.Option(help="0: off")] = 0.0,
    max_tokens: Annotated[int, typer.Option(help="of an answer; with --thinking-tokens, after the thinking")] = 2048,
    thinking_tokens: Annotated[
        int | None, typer.Option(help="budget of the thinking part, which is ended where it is spent")
    ] = None,
    thinking_end: Annotated[str, typer.Option(help="text that ends the thinking part")] = "</think>",
    system_prompt: Annotated[str | None, typer.Option(help="default none")] = None,
    chat_template: Annotated[str, typer.Option(help="model, none (plain text), or a jinja file")] = "model",
    template_options: Annotated[str, typer.Option(help="YAML, e.g. '{enable_thinking: true}'")] = "{}",
    errata: Annotated[list[str] | None, typer.Option(help="corrections of wrong gold answers, by name")] = None,
    pass_at: Annotated[list[int] | None, typer.Option(help="k of pass@k; default 1, 2, 4, … samples")] = None,
    seed: Annotated[int, typer.Option(help="of the sampling")] = 0,
    revision: Annotated[str | None, typer.Option(help="of a hub id")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32 or bfloat16; default as its config.json here")] = None,
    engines: Annotated[int, typer.Option(help="vLLM engines")] = 1,
    tensor_parallel: Annotated[int, typer.Option(help="devices of one engine")] = 1,
    concurrent: Annotated[int, typer.Option(help="samples that an engine works on at once")] = 128,
    verify_workers: Annotated[int, typer.Option(help="verifier processes")] = 2,
    restart: Annotated[bool, typer.Option("--restart", help="ask for everything anew")] = False,
) -> None:
    """Evaluate a model on benchmarks.

    A killed evaluation goes on where it stopped. Starts an embedded Ray when none runs. Recipes of `kind: eval` say
    more (`recipes/eval/`).
    """
    from rlhf.evaluation.options import EvalOptions, data_of
    from rlhf.recipe.options import eval_from_options

    options = EvalOptions(
        model, benchmark, samples, limit, data_dir, temperature, top_p, top_k, min_p, max_tokens, thinking_tokens,
        thinking_end, system_prompt, chat_template, template_options, errata or (), pass_at or (), seed, revision,
        dtype, engines, tensor_parallel, concurrent, verify_workers, out,
    )  # fmt: skip
    loaded = eval_from_options(data_of(options))
    for warning in loaded.warnings:
        Console(stderr=True, highlight=False).print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    again = [part for part in sys.argv[1:] if part != "--restart"]
    _evaluate(loaded.recipe, out.expanduser().absolute(), ["rlhf", *again], restart)


def _evaluate(recipe: EvalRecipe, out: Path, again: Sequence[str], restart: bool = False) -> None:
    """again: the command that goes on with it."""
    from cluster.evaluation import evaluate as run_evaluation
    from rlhf.evaluation.run.folder import discard_if_bare
    from rlhf.evaluation.tables import results_table

    def note(text: str) -> None:
        typer.echo(text, err=True)

    try:
        finished = run_evaluation(recipe, out, note, restart)
    except (asyncio.CancelledError, KeyboardInterrupt):
        note(f"stopped; what is judged is kept; continue with: {shlex.join(again)}")
        raise typer.Exit(130) from None
    finally:
        discard_if_bare(out)
    Console(highlight=False).print(results_table(finished.results))
    typer.echo(str(out))
    for failure in finished.failures:
        note(f"failed: {failure}")
    if finished.failures:
        raise typer.Exit(1)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="results of `rlhf eval`")],
    b: Annotated[Path, typer.Argument(help="others, on the same problems")],
    benchmark: Annotated[str | None, typer.Option(help="this one alone")] = None,
    show: Annotated[int, typer.Option(help="problems that flipped, with both answers")] = 3,
) -> None:
    """Compare two results, paired by problem.

    The difference with its interval and p-value, which problems flipped, and both answers side by side.
    """
    from rlhf.evaluation.compare_results import run_compare

    run_compare(a, b, benchmark, show, Console(highlight=False))


@app.command()
def contamination(
    train_file: Annotated[str, typer.Option("--train", help="jsonl, parquet, a training recipe, or hub:ID[:SPLIT]")],
    benchmark: Annotated[list[str], typer.Option("--benchmark", "-b", help="names of `rlhf list benchmarks`")],
    data_dir: Annotated[Path | None, typer.Option(help="folder of benchmark files: nothing is downloaded")] = None,
    n: Annotated[int, typer.Option(help="words in a row that count as a match")] = 13,
    field: Annotated[str, typer.Option(help="the training rows' field with the prompt")] = "prompt",
    out: Annotated[Path | None, typer.Option(help="every match, a JSON line each")] = None,
    show: Annotated[int, typer.Option(help="matches to show, the fullest first")] = 5,
    fail_above: Annotated[
        float | None, typer.Option(help="exit 1 if a larger share matches by more than common words")
    ] = None,
) -> None:
    """Look for benchmark problems in training prompts.

    By the words that they share in a row, whatever case, punctuation and layout.
    """
    from rlhf.evaluation.contamination_report import run_contamination
    from rlhf.evaluation.options import problems_of

    found = run_contamination(
        train_file, problems_of(benchmark, data_dir), n, field, out, show, Console(highlight=False)
    )
    if fail_above is not None and found.worst_share > fail_above:
        raise typer.Exit(1)


@app.command()
def check(recipe: Recipe, overrides: Overrides = None) -> None:
    """Validate a recipe and print its plan; starts nothing.

    Placement per node, parameters, memory per device, tokens per step; with a reward that runs code, what sandbox this
    machine gives, which is tried.
    """
    from cluster.distill_paper import placed_distill
    from cluster.on_paper import placed, placed_eval
    from rlhf.recipe.load import LoadedDistill, LoadedEval, load_checked
    from rlhf.recipe.plan import render_plan
    from rlhf.recipe.plan_distill import render_distill_plan
    from rlhf.recipe.plan_eval import render_eval_plan
    from rlhf.recipe.sandboxes import sandbox_lines

    loaded = load_checked(recipe, overrides or ())
    if isinstance(loaded, LoadedEval):
        actors = placed_eval(loaded.recipe, loaded.devices)
        plan = render_eval_plan(loaded, actors, sandbox_lines(loaded.recipe))
    elif isinstance(loaded, LoadedDistill):
        plan = render_distill_plan(loaded, placed_distill(loaded.recipe, loaded.devices))
    else:
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
    step: Annotated[
        int | None, typer.Option(help="this checkpoint; default the best where kept, else the last")
    ] = None,
) -> None:
    """Copy a checkpoint's weights as a Hugging Face folder.

    transformers and vLLM load it.
    """
    from rlhf.checkpoint import export_checkpoint
    from rlhf.run_folder import find_run

    typer.echo(f"{export_checkpoint(find_run(run), step, to)} → {to}")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="runs, or their names; results of `rlhf eval`")],
    out: Annotated[
        Path | None, typer.Option(help="the page; default RUN/report.html, of several runs report.html here")
    ] = None,
) -> None:
    """Build the page about runs and evaluations.

    Of several, one page that shows them together.
    """
    from rlhf.evaluation.report.build import build_reports
    from rlhf.evaluation.report.sources import find_source

    typer.echo(build_reports([find_source(run) for run in runs], out))


@app.command("list")
def list_names(
    what: Annotated[
        str | None, typer.Argument(help="algorithms, verifiers, attention or benchmarks; default all")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="a verifier or a benchmark: what stands behind it")] = None,
) -> None:
    """List what there is, a line each.

    With a name, what stands behind it.
    """
    from rlhf.listing import ListingError, lines_of

    try:
        for line in lines_of(what, name):
            typer.echo(line)
    except ListingError as error:
        raise typer.BadParameter(str(error)) from None


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if version:
        typer.echo(f"longthought {__version__}")
        raise typer.Exit


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
