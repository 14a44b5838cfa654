"""The commands and their options."""

from pathlib import Path
from typing import Annotated

import typer

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.campaign import command_for
from autoselection_core.campaign.first_plan import DEFAULT_MINUTES
from autoselection_core.cli.commands.studying import study
from autoselection_core.cli.output import AS_JSON, JSON_SAID, show_table, tell
from autoselection_core.cli.session import (
    FILE,
    CampaignFile,
    CampaignName,
    open_workspace,
    setting,
    workspace_for,
    workspace_of,
)
from autoselection_core.errors.campaign import SearchInterruptedError
from autoselection_core.export.trainers import Length
from autoselection_core.loopback import UI_PORT

app = typer.Typer(
    name="autoselection",
    help="Find the subset of a data pool that fine-tunes the best model, and prove it.",
    epilog=f"Every command takes {AS_JSON}: {JSON_SAID}.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(study)


Search = Annotated[str | None, typer.Argument(help="Name of the search; the campaign's latest by default.")]

ReadingRules = Annotated[
    str,
    typer.Option(help="How records are read, as under `pool:`: '{fields: {answer: Answer}, keep: [id]}'."),
]


@app.command()
def init(  # noqa: PLR0917 - typer reads options from arguments
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Raw files, folders or patterns.")],
    model: Annotated[str | None, typer.Option(help="Base model: a folder or a hub name.")] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(help="Folder with a benchmark.yaml, or a file of questions and answers; repeatable."),
    ] = None,
    rules: ReadingRules = "",
    minutes: Annotated[
        float,
        typer.Option(min=1.0, help="Time from raw files to the verdict that the proposed lengths fit into."),
    ] = DEFAULT_MINUTES,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,  # noqa: FBT002 - a flag
    file: CampaignFile = FILE,
) -> None:
    """Look at raw files and write a campaign file that runs.

    Shows what was understood: shapes, fields, counts, samples of each format, and what was put aside.
    A setting that reads most records of a path is written, too: answers to choose from, texts with marks.
    Without a model or a benchmark a closed form replaces trainings. With both, the lengths of trainings are
    fitted to this machine's processor, which is measured.
    """
    from autoselection_core.cli.commands.initialising import write_campaign

    write_campaign(paths, model, benchmark or (), file, ask=not yes, rules=rules, minutes=minutes)


@app.command()
def doctor(campaign: CampaignName = None, file: CampaignFile = FILE) -> None:
    """Check the installation, and estimate the duration of a training.

    Machine, GPU, packages, home, history, webhook, Ray, and the campaign's files, model and benchmarks. Exits
    with 1 if something is missing.
    """
    from autoselection_core.cli.commands.installation import examine

    raise typer.Exit(0 if examine(campaign, file) else 1)


@app.command()
def ingest(campaign: CampaignName = None, file: CampaignFile = FILE) -> None:
    """Read the raw files into a pool and score its signals."""
    from autoselection_core.campaign.duration import Load, costly_signals
    from autoselection_core.cli.commands.ingesting import (
        ingest_pool,
        score_pool,
        score_sentences,
        show_prepared_pool,
        tell_of_signals,
    )
    from autoselection_core.cli.output import show_bad_items
    from autoselection_core.cli.progress import show_progress

    workspace = open_workspace(campaign, file)
    if costly_signals(workspace.signal_names) and (busy := Load.now().sentence()):
        tell(busy)
    with show_progress() as progress:
        found = ingest_pool(workspace, progress)
        signals = score_pool(workspace, found.pool, progress)
    show_prepared_pool(found)
    show_bad_items(workspace.benchmarks)
    show_table(signals)
    tell_of_signals(workspace, signals)
    for sentence in score_sentences(workspace, found.pool):
        tell(sentence)


@app.command()
def audit(  # noqa: PLR0917 - typer reads options from arguments
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH...]", help="Raw files, folders, patterns or hf:// names."),
    ] = None,
    against: Annotated[
        str, typer.Option(help="Benchmarks to look for, by name or path, joined by commas.")
    ] = "",
    benchmarks: Annotated[
        Path, typer.Option(help="Folder that holds the benchmarks.", envvar=environment_variables.BENCHMARKS)
    ] = Path("benchmarks"),
    rules: ReadingRules = "",
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Audit raw files: formats, fields, duplicates, benchmark items.

    Also lengths and scripts. Without paths, the sources of a campaign are read. Exits with 1 if something
    needs a look.
    """
    from autoselection_core.cli.commands.auditing import audit_sources, sources_of

    sources = sources_of(paths or (), rules, campaign, file)
    raise typer.Exit(1 if audit_sources(sources, against, benchmarks) else 0)


@app.command()
def search(  # noqa: PLR0917 - typer reads options from arguments
    campaign: CampaignName = None,
    budget: Annotated[int | None, setting("budget", "A larger one continues a search.")] = None,
    seed: Annotated[int | None, setting("seed")] = None,
    policy: Annotated[str | None, setting("policy")] = None,
    slots: Annotated[int | None, setting("slots")] = None,
    report_evaluations: Annotated[int | None, setting("report_evaluations")] = None,
    max_steps: Annotated[int | None, setting("max_steps")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the search; by default it follows from its content.")
    ] = None,
    warm_from: Annotated[
        list[str] | None,
        typer.Option(help="An earlier search whose measurements this one starts from; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Let a stopped search go on.")] = False,  # noqa: FBT002 - a flag
    file: CampaignFile = FILE,
) -> None:
    """Search for the best subset, or go on with a search.

    Finished trials are never paid for again.
    """
    from autoselection_core.cli.commands.searching import (
        conclude,
        register,
        report,
        require_growing,
        specify,
        work,
    )

    workspace = workspace_for(name, campaign, file)
    asked = {
        "budget": budget,
        "seed": seed,
        "policy": policy,
        "slots": slots,
        "report_evaluations": report_evaluations,
        "max_steps": max_steps,
        "warm_also": warm_from or (),
    }
    workspace.outline(**asked)  # a mistake shows before anything is read
    spec = specify(workspace, name, asked)
    require_growing(workspace, name or spec.usual_name, budget=budget, report=report_evaluations)
    found = register(workspace, spec, name, resume=resume)
    try:
        work(workspace, found)
        if workspace.ledger.history(found).observations:
            report(workspace, found)
    except KeyboardInterrupt:
        raise SearchInterruptedError(command_for(file, f"search --name {found}")) from None
    raise typer.Exit(conclude(workspace, found, file))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the UI on 127.0.0.1.")] = UI_PORT,
    file: CampaignFile = FILE,
) -> None:
    """Serve campaigns and home folder in Dagster until Ctrl-C."""
    from autoselection_core.cli.commands.installation import serve

    serve(file, port)


@app.command()
def forecast(
    search: Search = None,
    evaluations: Annotated[int, typer.Option(min=1, max=1_000, help="Number of further evaluations.")] = 5,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Forecast the gain of more evaluations.

    The gain has an interval and is told before anything is paid for.
    """
    from autoselection_core.cli.commands.searching import show_forecast

    show_forecast(*workspace_of(search, campaign, file), evaluations)


@app.command()
def replay(
    search: Search = None,
    policy: Annotated[
        str | None,
        typer.Option(help="default, random or published; left out: the search's own decisions."),
    ] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Replay the decisions of a search; trains nothing.

    With a policy, that one decides. Without one every trial's question goes to the solver once more, with a
    language model's answers as they were recorded; exits with 1 if a decision comes out differently.
    """
    from autoselection_core.cli.commands.searching import show_decisions, show_replay

    workspace, found = workspace_of(search, campaign, file)
    if policy is None:
        raise typer.Exit(0 if show_decisions(workspace, found) else 1)
    show_replay(workspace, found, policy)


@app.command()
def realise(
    recipe: Annotated[Path, typer.Argument(help="A YAML file with a recipe.")],
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Show what a recipe leaves of the pool, step by step.

    Trains nothing and costs nothing.
    """
    from autoselection_core.cli.commands.showing import realise_file

    realise_file(open_workspace(campaign, file), recipe)


@app.command()
def evaluate(
    recipe: Annotated[Path, typer.Argument(help="A YAML file with a recipe.")],
    search: Annotated[
        str | None, typer.Option(help="Search that it is evaluated beside; the latest by default.")
    ] = None,
    report_evaluations: Annotated[
        int | None, typer.Option(min=0, help="A larger second budget of that search, which pays for it.")
    ] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Train a recipe of your own beside a search's winner.

    The search may run or be done; the budget of its report pays, and what it costs is told first. The
    comparison is paired, on dev items. A recipe that was evaluated before is not paid again. Exits with 1 if
    there is no score.
    """
    from autoselection_core.cli.commands.searching import evaluate_file

    workspace, found = workspace_of(search, campaign, file)
    raise typer.Exit(0 if evaluate_file(workspace, found, recipe, report_evaluations) else 1)


@app.command()
def status(campaign: CampaignName = None, file: CampaignFile = FILE) -> None:
    """List the searches with stage, budgets, best score and time left.

    Also why nothing runs, and what the gate cut from the pool.
    """
    from autoselection_core.cli.commands.showing import show_status

    show_status(open_workspace(campaign, file))


@app.command()
def show(
    search: Search = None,
    trial: Annotated[int | None, typer.Option(help="Show one trial with its recipe and reasons.")] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Show the trials of a search, or one of them.

    A single trial is shown with its recipe, its steps and the solver's reasons.
    """
    from autoselection_core.cli.commands.showing import show_search, show_trial
    from autoselection_core.report.facts import SearchFacts

    facts = SearchFacts.of(*workspace_of(search, campaign, file))
    if trial is None:
        show_search(facts)
    else:
        show_trial(facts, trial)


@app.command()
def explain(
    name: Annotated[
        str,
        typer.Argument(
            help="Sample (id, place as file.jsonl#7 or source#7, own id), subset, evaluation or search."
        ),
    ],
    search: Annotated[
        str | None, typer.Option(help="Explain a sample by this search; the latest by default.")
    ] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Trace the lineage of a sample, subset, evaluation or search.

    A sample: why it is in the best subset or not, and every subset and model that used it. A subset or an
    evaluation: recipe, steps, signals, pool, parent, score. A search: its winner, step by step.
    """
    from autoselection_core.cli.commands.explaining import explain_name

    explain_name(name, search, campaign, file)


@app.command()
def compare(
    first: Annotated[int, typer.Argument(help="Number of a trial.")],
    second: Annotated[int, typer.Argument(help="Number of another trial of the same search.")],
    search: Annotated[str | None, typer.Option(help="Name of the search; the latest by default.")] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Compare the models and the subsets of two trials.

    The models by paired tests on the dev items that both answered; the subsets by source, by signal, and
    with six rows of either side.
    """
    from autoselection_core.cli.commands.explaining import compare_two

    compare_two(first, second, search, campaign, file)


@app.command()
def export(  # noqa: PLR0917 - typer reads options from arguments
    search: Search = None,
    to: Annotated[Path, typer.Option(help="The folder to write.")] = Path("best_subset"),
    trial: Annotated[
        int | None, typer.Option(help="The subset of this trial instead of the recommended one.")
    ] = None,
    spelling: Annotated[
        str,
        typer.Option(
            "--format",
            help="messages (datasets), prompt-completion, sharegpt; or with a training config: "
            "trl, llama-factory, axolotl.",
        ),
    ] = "messages",
    training: Annotated[
        Length,
        typer.Option(help="Length in a training config: whole epochs, or the search's own short training."),
    ] = Length.EPOCHS,
    upload: Annotated[
        str | None, typer.Option(help="Put the export on object storage, too: s3://bucket/prefix.")
    ] = None,
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Write a subset as training data with its card and hash.

    Formats, licences and counts are in the card; `autoselection verify` confirms the hash.
    """
    from autoselection_core.cli.commands.exporting import export_best, upload_export

    export_best(search, to, trial, spelling, training, campaign, file)
    if upload is not None:
        upload_export(to, upload)


@app.command()
def verify(
    path: Annotated[
        Path, typer.Argument(help="An exported folder, a stored subset's file, or the hash of a subset.")
    ],
    campaign: CampaignName = None,
    file: CampaignFile = FILE,
) -> None:
    """Check an export, or a subset against its recipe.

    Exits with 1 if something differs from what was written.
    """
    from autoselection_core.cli.commands.exporting import subset_files, verify_exported, verify_subset

    stored = subset_files(path)
    checked = [verify_subset(each, campaign, file) for each in stored] or [verify_exported(path)]
    raise typer.Exit(0 if all(checked) else 1)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The .tar file to write.")]) -> None:
    """Copy the home folder and the databases into one file.

    Everything else may go on meanwhile.
    """
    from autoselection_core.cli.commands.installation import back_up_home

    back_up_home(file)


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that `autoselection backup` wrote.")]) -> None:
    """Fill an empty home folder from a backup.

    Empty PostgreSQL databases, too; every file is compared.
    """
    from autoselection_core.cli.commands.installation import restore_home

    restore_home(file)


@app.command()
def prune(
    older_than: Annotated[
        float, typer.Option(metavar="DAYS", min=0.0, help="Age from which on records of a run may go.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete; without it nothing is changed.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete old records, pictures and columns that nobody needs.

    Dagster's runs of trials, pictures that no other run shows, signal columns of pools that no search uses.

    A search that runs or can be resumed keeps all; a compared one keeps its report evaluations, the trials
    that its report names and what these were edited from. The history keeps every trial with its recipe and
    scores.
    """
    from autoselection_core.cli.commands import pruning

    if yes:
        pruning.prune(older_than)
    else:
        pruning.tell_prunable(older_than)
