"""`autoselection doctor`, `ui`, `backup`, `restore` and `prune`: the installation as a whole."""

import os
import platform
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from autoselection_core import environment_variables
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.split import split
from autoselection_core.campaign.declaration.campaign import command_for
from autoselection_core.campaign.declaration.signals import SCORES, make_signals
from autoselection_core.campaign.duration import (
    Load,
    Pace,
    costly_signals,
    counted_tokens,
    pace_of,
    signal_seconds,
)
from autoselection_core.campaign.solvers import epoch_tokens, train_tokens_of
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cli.commands.ingesting import is_scored
from autoselection_core.cli.output import show_table, tell
from autoselection_core.cli.progress import show_progress
from autoselection_core.cli.session import home_of, open_workspace, path_sentence, writable_home
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.benchmarks import BenchmarkError, NoSuchBenchmarkError
from autoselection_core.errors.campaign import (
    LittleRoomError,
    NobodyListensError,
    NotAnAddressError,
)
from autoselection_core.errors.models import RayNotInstalledError
from autoselection_core.errors.signals import UnscoredPoolError
from autoselection_core.evaluation.training.settings import fine_tuning, reach_of
from autoselection_core.export.installation.backup import back_up, restore
from autoselection_core.export.installation.postgresql import is_postgresql
from autoselection_core.history.ledger import Ledger
from autoselection_core.loopback import UI_PORT
from autoselection_core.pool.ingest import ingest
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import cost_text, duration_text
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.fidelities import dev_agreement
from autoselection_core.score.rank_agreement import few_items_sentence
from autoselection_core.search.status import SearchStatus
from autoselection_core.search.time_left import models_tested
from autoselection_core.signals.definitions.given.scores import GivenScores
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home

_PACKAGES = ("torch", "transformers", "trl", "peft", "lancedb", "botorch", "dagster")
_GB = 1e9
_MIN_FREE_GB = 5.0
"""Free gigabytes below which the disk is reported: adapters, columns and reports soon fill them."""

_PORTS = {"http": 80, "https": 443}
_ANSWERS_IN_S = 3.0


def serve(file: Path, port: int) -> None:
    """Become the process that serves the campaigns of a file; the core itself does not know Dagster.

    Raises:
        HomeElsewhereError: The home folder of its campaigns is beside it and not here.
    """
    home_of(file)
    asked = ["--campaigns", str(file), "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "autoselection_dagster.serve", *asked])  # noqa: S606 - ours


@dataclass(frozen=True)
class Diagnosis:
    """State of one part of the installation.

    Attributes:
        subject: Part of the installation.
        found: Its present state.
        problem: Defect and the way forward; empty where nothing is wrong.
        verdict: Verdict where there is no problem of its own; empty where all is right.
        note: Sentence that is told below the table; empty for none.
        fault: Kind of the problem in a word.
    """

    subject: str
    found: str
    problem: str = ""
    verdict: str = ""
    note: str = ""
    fault: str = "missing"


def examine(campaign: str | None, file: Path) -> bool:
    """Show everything that was looked at; returns whether nothing is missing."""
    packages = diagnose_packages(_required_packages())
    with show_progress() as progress:
        progress("checking", 0, 1)
        findings = _once([*_machine(), *packages, *_installation(), *_campaign(campaign, file)])
    show_table(_table_of(findings))
    for each in findings:
        if each.note:
            tell(each.note)
    missing = [each for each in findings if each.problem]
    for each in missing:
        tell(f"{each.fault}: {each.subject}: {each.problem}")
    if not missing:
        tell("nothing is missing")
    else:
        verb = "needs" if len(missing) == 1 else "need"
        tell(f"{len(missing)} {verb} attention: {', '.join(each.subject for each in missing)}")
    if sentence := path_sentence():
        tell(sentence)
    return not missing


def _table_of(findings: Sequence[Diagnosis]) -> Table:
    """The findings, with a column of verdicts where not all are right."""
    verdicts = ["see below" if each.problem else each.verdict for each in findings]
    rows = tuple(
        (each.subject, each.found, verdict) for each, verdict in zip(findings, verdicts, strict=True)
    )
    columns = ("subject", "found", "verdict")
    shown = len(columns) if any(verdicts) else 2
    return Table("What is there", columns[:shown], tuple(row[:shown] for row in rows))


def _once(findings: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The findings with each problem once: what fails for the same reason names the first of them."""
    first: dict[str, str] = {}
    told = []
    for each in findings:
        if each.problem and (subject := first.setdefault(each.problem, each.subject)) != each.subject:
            told.append(Diagnosis(each.subject, each.found, verdict=f"waits for: {subject}"))
        else:
            told.append(each)
    return told


def _machine() -> Iterator[Diagnosis]:
    cores, memory = len(os.sched_getaffinity(0)), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Diagnosis(
        "machine", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
    fast = "bfloat16 in hardware" if _has_bfloat16() else "no bfloat16 in hardware: trainings use float32"
    yield Diagnosis("processor", f"{cores} cores, {memory / _GB:.1f} GB of memory, {fast}")
    yield _check("GPU", _gpu)


def _has_bfloat16() -> bool:
    known = Path("/proc/cpuinfo")
    flags = known.read_text(encoding="utf-8").split() if known.is_file() else []
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


GPU_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Devices that a driver of GPUs makes: NVIDIA's on Linux and under Windows, and AMD's."""


def _gpu() -> str:
    if find_spec("torch") is None:
        return "unknown without torch"
    none = "none; trainings run on the processor"
    if not any(map(os.path.exists, GPU_DRIVERS)):
        return none  # without a driver torch finds none either, and takes seconds to load
    import torch

    if not torch.cuda.is_available():
        return none
    return ", ".join(torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count()))


def diagnose_packages(names: Sequence[str]) -> Iterator[Diagnosis]:
    """Versions of the packages that matter most, and every package that is not installed."""
    for name in names:
        try:
            found = version(name)
        except PackageNotFoundError:
            yield Diagnosis(name, "not installed", f"install it: {_installing(name)}")
        else:
            if name in _PACKAGES:
                yield Diagnosis(name, found)


def _installing(name: str) -> str:
    """Command line that installs a package beside this one, from whatever folder."""
    pins = Path(__file__).parents[3] / "constraints.txt"
    words = [sys.executable, "-m", "pip", "install", name, *(["-c", str(pins)] if pins.is_file() else [])]
    return shlex.join(words)


def _required_packages() -> list[str]:
    """Packages that this one cannot do without, those that are told of first."""
    try:
        required = [line for line in requires("autoselection") or () if "extra ==" not in line]
    except PackageNotFoundError:  # it runs from its folder, without being installed
        required = []
    return list(dict.fromkeys([*_PACKAGES, *(re.split(r"[^\w.-]", line)[0] for line in required)]))


def _installation() -> Iterator[Diagnosis]:
    yield _check("home", _home)
    yield _check("history", _history)
    if hook := os.environ.get(environment_variables.WEBHOOK_URL):
        yield _check("webhook", lambda: _webhook(hook))
    if address := os.environ.get(environment_variables.RAY_ADDRESS):
        yield _check("Ray", lambda: _ray(address))
    yield diagnose_ui(UI_PORT)


def _home() -> str:
    root, there = Home.from_environment().root, writable_home()
    free = shutil.disk_usage(there).free / _GB
    if free < _MIN_FREE_GB:
        raise LittleRoomError(there, free, _MIN_FREE_GB)
    return f"{root}, {free:,.0f} GB free" + ("" if root.exists() else "; made when it is needed")


def _history() -> str:
    home = Home.from_environment()
    if not os.environ.get(environment_variables.HISTORY_URL) and not home.root.exists():
        return "none yet"
    count = len(Ledger.open(home.history_url).searches())
    return "1 search" if count == 1 else f"{count:,} searches"


def _webhook(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or not _is_port(parts.netloc):
        shown = f"{url.partition('://')[0][:5]}..."  # the rest may be a secret
        raise NotAnAddressError(
            environment_variables.WEBHOOK_URL, shown, "http://HOST:PORT/PATH or https://HOST/PATH"
        )
    return _answers(environment_variables.WEBHOOK_URL, parts.hostname, parts.port or _PORTS[parts.scheme])


def _ray(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise NotAnAddressError(
            environment_variables.RAY_ADDRESS, address, "HOST:PORT, such as 10.0.0.1:6379"
        )
    if find_spec("ray") is None:
        raise RayNotInstalledError(environment_variables.RAY_ADDRESS)
    return _answers(environment_variables.RAY_ADDRESS, host, int(port))


def _is_port(netloc: str) -> bool:
    """Whether what follows the host is a port, or nothing."""
    return re.search(r":(?!\d+$)[^\]@]*$", netloc) is None


def _answers(variable: str, host: str, port: int) -> str:
    """Whether anybody listens at an address; nothing is sent."""
    try:
        socket.create_connection((host, port), timeout=_ANSWERS_IN_S).close()
    except (OSError, OverflowError) as error:
        raise NobodyListensError(variable, f"{host}:{port}", _reason_of(error)) from error
    return f"{host}:{port} answers"


def _reason_of(error: Exception) -> str:
    """Reason of a system's error, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def diagnose_ui(port: int) -> Diagnosis:
    """State of the port of `autoselection ui`: a taken one leaves other ports, so it is no problem."""
    with socket.socket() as probe:
        probe.settimeout(_ANSWERS_IN_S)
        is_taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if not is_taken:
        return Diagnosis("UI", f"port {port} is free for `autoselection ui`")
    other = f"served already? else `autoselection ui --port {port + 1}`"
    return Diagnosis("UI", f"port {port} is taken", verdict=other)


def _campaign(name: str | None, file: Path) -> Iterator[Diagnosis]:
    if not file.is_file():
        yield Diagnosis("campaign", f"no file {file}", f"write one: {command_for(file, 'init PATH')}")
        return
    try:
        workspace = open_workspace(name, file)
    except AutoSelectionError as error:
        yield Diagnosis("campaign", str(file), str(error))
        return
    campaign = workspace.campaign
    yield Diagnosis("campaign", f"{campaign.name} of {file}")
    yield _check("raw files", lambda: f"{len(campaign.source_files()):,} found")
    yield _check("benchmarks", lambda: _benchmarks(workspace))  # before the pool, which reads their questions
    yield _check("pool", lambda: _pool(workspace))
    if _brought(workspace):
        yield _check("scores", lambda: _scores(workspace))
    yield _check("base model", lambda: _model(workspace))
    yield _with_notes(_check("duration", lambda: _duration(workspace)), workspace)


def _pool(workspace: Workspace) -> str:
    if not workspace.has_pool():
        return "none yet; `autoselection ingest` makes it"
    pool = workspace.pool()
    behind = "" if workspace.is_ingested() else "; files or questions changed since, it is made again"
    return f"{len(pool):,} samples{behind}"


def _brought(workspace: Workspace) -> list[str]:
    """Keys of the campaign's signals that are scores of the user's own."""
    return [name for name in workspace.campaign.signals if name.partition(":")[0] == SCORES]


def _scores(workspace: Workspace) -> str:
    """Scores that the user brings: of the pool's samples, or before there is a pool their files alone."""
    chosen = {name: workspace.campaign.signals[name] for name in _brought(workspace)}
    signals = make_signals(chosen, None, tuple)
    pool = workspace.pool() if workspace.has_pool() else None
    return ", ".join(
        _coverage(workspace, signal, pool) for signal in signals.values() if isinstance(signal, GivenScores)
    )


def _coverage(workspace: Workspace, signal: GivenScores, pool: Pool | None) -> str:
    if pool is None:
        signal.check_file()
        return signal.name
    workspace.require_rows(signal, pool)
    known = np.isfinite(np.asarray(signal.compute(pool, {})[signal.name])).sum()
    return f"{signal.name} ({known:,} of {len(pool):,} samples)"


def _benchmarks(workspace: Workspace) -> str:
    workspace.require_targets()
    return ", ".join(map(_counted, workspace.benchmarks)) or "none; a closed form evaluates"


def _counted(benchmark: Benchmark) -> str:
    if benchmark.harness is not None:
        return f"{benchmark.name} ({len(benchmark.items):,} items)"
    parted = split(benchmark)
    return f"{benchmark.name} ({len(parted.dev):,} dev and {len(parted.test):,} test items)"


def _dev_items(workspace: Workspace) -> str:
    """How far the dev items rank models, once some are measured; before, whether they may be too few."""
    if not workspace.benchmarks:
        return ""
    status = _status(workspace)
    known = None if status is None else dev_agreement(SearchFacts(workspace, status.record))
    if known is not None:
        return known.sentence
    count = sum(len(split(each).dev) for each in workspace.benchmarks if each.harness is None)
    return few_items_sentence(count)


def _model(workspace: Workspace) -> str:
    from autoselection_core.models.folder import model_folder

    if workspace.campaign.base_model is None:
        return "none; a closed form evaluates"
    folder = model_folder(
        workspace.campaign.base_model
    )  # a missing model is named even beside a wrong benchmark
    workspace.require_askable()
    return str(folder)


def _duration(workspace: Workspace) -> str:
    writable_home()  # the history is opened there
    pace, scoring = _pace(workspace), _scoring(workspace)
    trainings, models = _left(workspace)
    sentence = pace.sentence(trainings, models=models)
    if not scoring:
        return sentence if trainings or models else "nothing is left; the search of this campaign is finished"
    once = sum(scoring.values())
    total = once + pace.total_s(trainings, models)
    names = ", ".join(f"{name} {duration_text(seconds)}" for name, seconds in scoring.items())
    cost = cost_text(total, pace.price_per_hour)
    return (
        f"{sentence} Before them the signals that read the base model are scored once: at most {names}, "
        f"by the same probe. {cost} in all; the probe is of the processor, a GPU is faster."
    )


def _pace(workspace: Workspace) -> Pace:
    # A closed form reads the signals, which may not be scored yet, and its evaluations take no time.
    is_known = workspace.has_pool() and workspace.campaign.closed_form is None
    evaluator = workspace.evaluator(workspace.pool().version).fingerprint if is_known else None
    return pace_of(workspace, evaluator, workspace.campaign.training)


def _left(workspace: Workspace) -> tuple[int, int]:
    """Trainings and models with test items that are left at most of the search that the campaign asks for."""
    asked = workspace.campaign.search
    status = _status(workspace)
    if status is None:
        return asked.budget + asked.report_evaluations, models_tested(asked.report_evaluations)
    record = status.record
    further = max(0, asked.report_evaluations - record.report_evaluations)
    raised = max(0, asked.budget - record.budget) + further
    untested = 0 if status.is_searched else models_tested(record.report_evaluations) - status.tested_arms
    return status.trainings_left + raised, untested + further


def _status(workspace: Workspace) -> SearchStatus | None:
    """Status of the search that the campaign asks for; None where it was never begun."""
    if not workspace.is_ingested():
        return None
    try:
        name = workspace.requested_spec(workspace.pool().version).usual_name
    except UnscoredPoolError:  # a closed form reads the signals, which a search scores first
        return None
    begun = [each.search for each in workspace.ledger.searches() if each.spec.usual_name == name]
    return SearchStatus.of(workspace.ledger, begun[-1], workspace.home) if begun else None


def _scoring(workspace: Workspace) -> dict[str, float]:
    """Seconds of the base model's signals that are not scored yet; their pool is read where there is none."""
    campaign = workspace.campaign
    costly = costly_signals(campaign.signals)
    if campaign.base_model is None or not costly:
        return {}
    if workspace.has_pool():
        pool = workspace.pool()
        names = [name for name in costly if not is_scored(workspace, name, pool)]
        return signal_seconds(names, pool, campaign.base_model)
    with TemporaryDirectory(prefix="autoselection-doctor-") as scratch:
        found = ingest(campaign.sources, Home(Path(scratch)))
        return signal_seconds(costly, found.pool, campaign.base_model)


def _with_notes(found: Diagnosis, workspace: Workspace) -> Diagnosis:
    """The diagnosis of a training with what it reads, what dev items tell, and other load of the machine."""
    if found.problem:
        return found
    told = (_reach, _steps, _dev_items)
    read = _check(found.subject, lambda: "\n".join(filter(None, (tell_of(workspace) for tell_of in told))))
    if read.problem:
        return read
    pace = _pace(workspace)
    busy = "" if pace.seconds is None else Load.now().sentence(pace.free_share)
    return replace(found, note="\n".join(filter(None, (read.found, busy))))


def _steps(workspace: Workspace) -> str:
    """Whether subsets of equal tokens may train in unequal steps."""
    tokens = train_tokens_of(workspace.campaign)
    trained = fine_tuning(workspace.campaign.training) if tokens is not None else None
    if trained is None or trained.max_tokens <= trained.batch:
        return ""
    return (
        f"a sample may have {trained.max_tokens:,} tokens (`max_tokens`) and a step {trained.batch:,} "
        "(`batch`): longer samples are steps of their own, so that subsets of equal tokens may train in "
        f"unequal steps; `batch: {trained.max_tokens}` makes them equal"
    )


def _reach(workspace: Workspace) -> str:
    tokens, campaign = train_tokens_of(workspace.campaign), workspace.campaign
    if tokens is None or campaign.base_model is None or not workspace.has_pool():
        return ""
    max_tokens, pool = fine_tuning(campaign.training).max_tokens, workspace.pool()
    if (scored := _scored_tokens(workspace, pool)) is not None:
        return reach_of(tokens, epoch_tokens(scored, max_tokens))
    return reach_of(tokens, counted_tokens(pool, campaign.base_model, max_tokens), "about")


def _scored_tokens(workspace: Workspace, pool: Pool) -> SignalTable | None:
    """Tokens of each sample and its turns, as signals counted them; None where tokens are not scored."""
    known = [name for name in ("tokens", "form") if is_scored(workspace, name, pool)]
    if "tokens" not in known:
        return None
    return workspace.store.table(pool, {name: workspace.definitions[name].fingerprint for name in known})


def _check(subject: str, look: Callable[[], str]) -> Diagnosis:
    """Diagnosis of one part; an error that stops the check is the problem that it reports."""
    try:
        return Diagnosis(subject, look())
    except (AutoSelectionError, OSError, ValueError, ImportError) as error:
        is_there = isinstance(error, BenchmarkError) and not isinstance(error, NoSuchBenchmarkError)
        return Diagnosis(subject, "-", str(error), fault="wrong" if is_there else "missing")


_DAGSTER_URL, _DAGSTER_HOME = "DAGSTER_POSTGRES_URL", "DAGSTER_HOME"


def back_up_home(file: Path) -> None:
    """Write everything that the environment names into one file."""
    made = back_up(Home.from_environment(), file, _databases())
    tell(f"{made.file}: {made.files:,} files, PostgreSQL databases: {', '.join(made.databases) or 'none'}")
    for each in made.left_out:
        tell(f"left out: {each.name} {each.reason}")
    dagster = os.environ.get(_DAGSTER_HOME)
    if dagster and not Path(dagster).resolve().is_relative_to(Home.from_environment().root.resolve()):
        tell(f"left out: {dagster}, Dagster's own folder ({_DAGSTER_HOME}), is outside of the home folder")


def restore_home(file: Path) -> None:
    """Fill the empty home folder and databases that the environment names."""
    home = Home.from_environment()
    made = restore(file, home, _databases())
    tell(f"{home.root}: {made.files:,} files as they were, databases: {', '.join(made.databases) or 'none'}")
    tell("next: autoselection status")


def _databases() -> Mapping[str, str]:
    named = {
        "history": os.environ.get(environment_variables.HISTORY_URL),
        "dagster": os.environ.get(_DAGSTER_URL),
    }
    return {name: url for name, url in named.items() if url and is_postgresql(url)}
