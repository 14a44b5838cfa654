"""Clients of a cluster's workers, which return what this process would have computed, and their workspace."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from autoselection_core.arrays import Rows
from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.codec import campaign_to_json
from autoselection_core.campaign.declaration.signal_schema import SignalSchema
from autoselection_core.campaign.remote.shards import FORMAT, arrays_of_shard, given_to_json
from autoselection_core.campaign.remote.tasks import (
    evaluate_subset,
    open_test_items,
    run_shard,
    score_rows,
    without_worker,
)
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster import Account, Cluster, Task, cluster_from_environment
from autoselection_core.errors.models import UnsharedHomeError
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json, canonical_json, fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.signals.base import Given, PoolSignal, Signal
from autoselection_core.signals.shards import Columns, Shard, Work, name_of
from autoselection_core.signals.store.store import ComputesChunks, ShardsOut
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset

_STAGE = "on the cluster"


@dataclass(frozen=True)
class RemoteClients:
    """Clients of a cluster's workers for one campaign in one shared home.

    Attributes:
        campaign: Campaign that is searched.
        home: Home folder, here and for every worker.
        cluster: Who works.
    """

    campaign: Campaign
    home: Home
    cluster: Cluster

    @property
    def compute(self) -> ComputesChunks:
        """Client that computes the chunks of a signal."""
        return RemoteScoring(self)

    @property
    def shards_out(self) -> ShardsOut:
        """Client that gives out the shards of signals of the pool as a whole."""
        return partial(RemoteShards, self)

    def evaluator(
        self, local: Evaluator, pool_version: str, spec: SearchSpec | None, fidelity: str
    ) -> Evaluator:
        """Client that evaluates in place of a local evaluator, under the same names."""
        return RemoteEvaluator(self, local, pool_version, spec, fidelity)

    @property
    def worker_arguments(self) -> dict[str, Json]:
        """Campaign and home, as every worker receives them."""
        return {"home": str(self.home.root.absolute()), "campaign": campaign_to_json(self.campaign)}

    def signal_arguments(self, name: str, version: str, pool: Pool) -> dict[str, Json]:
        """Arguments of every worker, and the signal and pool that it works on."""
        return {**self.worker_arguments, "signal": name, "version": version, "pool": pool.version}


@dataclass(frozen=True)
class RemoteScoring:
    """Scoring of a signal's chunks on a cluster; one process asks and records, so nobody writes beside it.

    The chunks are those that would be computed here, because a batch of other rows may round differently.

    Attributes:
        clients: Campaign, home and cluster.
    """

    clients: RemoteClients

    def __call__(
        self,
        signal: Signal,
        pool: Pool,
        chunks: Sequence[Rows],
        given: Given,
        *,
        progress: Progress | None,
        account: Account,
    ) -> Iterator[pa.Table]:
        """The record of each chunk, in order; see `compute_here`."""
        del given, progress  # a worker reads what it is given from the shared home, and reports no progress
        shared = self.clients.signal_arguments(signal.name, signal.fingerprint, pool)
        asked = (canonical_json({**shared, "rows": chunk.tolist()}).encode() for chunk in chunks)
        answers = self.clients.cluster.results(
            score_rows, asked, on_device=SignalSchema(type(signal)).reads_model
        )
        with closing(answers):  # type: ignore[type-var] # a generator
            for chunk, answer in zip(chunks, answers, strict=True):
                table, worker = without_worker(pa.ipc.open_stream(answer).read_all())
                account.add(signal.name, len(chunk), worker)
                yield table


@dataclass(frozen=True)
class RemoteShards:
    """Shards of one signal on a cluster, which leave their arrays as files in the shared home.

    A shard is named by its question. Those that are there are not asked for: a killed run goes on.

    Attributes:
        clients: Campaign, home and cluster.
        signal: The signal that they are of.
        version: Its fingerprint.
        pool: The samples.
        account: Told which worker did what.
    """

    clients: RemoteClients
    signal: PoolSignal
    version: str
    pool: Pool
    account: Account

    def __call__(self, work: Work, shards: Iterable[Shard], folder: Path | None) -> Iterator[Columns]:
        """The arrays of each shard, in order; see `RunsShards`."""
        assert folder is not None, "shards of a cluster are files"
        signal = self.clients.signal_arguments(self.signal.name, self.version, self.pool)
        shared = {**signal, "work": name_of(work)}
        asked, named = list(shards), list[tuple[str, Json]]()
        for shard in asked:
            given = given_to_json(shard.given, self.clients.home)
            named.append((fingerprint({"work": name_of(work), "given": given, "format": FORMAT}), given))
        # Asked for at once, because a shared file system remembers that a name was not there.
        there = {each.name for each in folder.iterdir()}
        questions = (
            canonical_json({**shared, "shard": name, "given": given}).encode()
            for name, given in named
            if name not in there
        )
        answers = self.clients.cluster.results(run_shard, questions, on_device=False)
        with closing(answers):  # type: ignore[type-var] # a generator
            for shard, (name, _) in zip(asked, named, strict=True):
                if name not in there:
                    self.account.add(work.__name__, shard.size, json.loads(next(answers)))
                yield self._arrays(folder / name)

    def _arrays(self, made: Path) -> Columns:
        if not made.is_dir():
            raise UnsharedHomeError(made.name, str(self.clients.home.root))
        return arrays_of_shard(made)


@dataclass(frozen=True, eq=False)
class RemoteEvaluator:
    """Trainings and scores on a cluster; names, keys and finished evaluations are the local evaluator's.

    Attributes:
        clients: Campaign, home and cluster.
        local: The same evaluator in this process; never asked to train.
        pool_version: The pool whose subsets are evaluated.
        spec: The search that pins it; None for the campaign's own.
        fidelity: One of the search's cheaper fidelities; empty for the full one.
    """

    clients: RemoteClients
    local: Evaluator
    pool_version: str
    spec: SearchSpec | None = None
    fidelity: str = ""

    @property
    def fingerprint(self) -> str:
        """Hash of everything that a score follows from, except subset and replicate."""
        return self.local.fingerprint

    def key(self, subset: str, replicate: int) -> str:
        """The name of the evaluation of a subset, given by its hash."""
        return self.local.key(subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        """Have it trained and scored, or read back what was already made.

        Raises:
            EvaluationError: There is no score.
            WorkerLostError: Workers died under it again and again.
            UnsharedHomeError: The worker's home folder is not the one here.
        """
        waiting = None if progress is None else partial(progress, _STAGE, 0, 1)
        if waiting is not None:
            waiting()
        key = self.key(subset.fingerprint, replicate)
        if (made := self.load_finished(key)) is not None:
            return made
        question: dict[str, Json] = {
            "recipe": subset.recipe.to_json(),
            "subset": subset.fingerprint,
            "replicate": replicate,
        }
        self._ask(evaluate_subset, question, waiting)
        made = self.load_finished(key)
        if made is None:
            raise UnsharedHomeError(key, str(self.clients.home.root))
        return made

    def load_finished(self, key: str) -> Evaluation | None:
        """A complete evaluation, with the utility that the weights give now; None if there is none."""
        return self.local.load_finished(key)

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        """Have the test items scored, and log that they were opened and why.

        Raises:
            NotEvaluatedError: There is no complete evaluation of that key.
        """
        self._ask(open_test_items, {"key": key, "reason": reason}, None)
        return EvaluationFolder(self.clients.home.evaluation(key)).read_test()

    def _ask(self, task: Task, question: Mapping[str, Json], waiting: Callable[[], None] | None) -> bytes:
        is_formula = self.clients.campaign.closed_form is not None
        asked = json.dumps({**self._shared(), **question}).encode()
        (answer,) = self.clients.cluster.results(
            task, [asked], on_device=not is_formula, while_waiting=waiting
        )
        return answer

    def _shared(self) -> dict[str, Any]:
        return {
            **self.clients.worker_arguments,
            "pool": self.pool_version,
            "spec": None if self.spec is None else self.spec.to_text(),
            "fidelity": self.fidelity,
            "evaluator": self.fingerprint,
        }


def installed_workspace(campaign: Campaign, home: Home) -> Workspace:
    """A campaign of the installation, on the cluster that the environment names, if it names one."""
    return attached_workspace(campaign, home, cluster_from_environment())


def attached_workspace(campaign: Campaign, home: Home, cluster: Cluster | None) -> Workspace:
    """A campaign on a cluster; in this process where there is none."""
    return Workspace(campaign, home, None if cluster is None else RemoteClients(campaign, home, cluster))
