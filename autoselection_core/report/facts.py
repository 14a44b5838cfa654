"""Facts of one search, gathered once for every report, page and command."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.campaign.solvers import max_tokens_of, size_warning
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.evaluation.environment import mixture_sentence
from autoselection_core.evaluation.folder import EvaluationFolder, untrained_key
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.evaluation.scoring.scoring import distinct_answer_tokens
from autoselection_core.history.records import SearchRecord, SearchState, TrialRecord
from autoselection_core.history.values import History
from autoselection_core.models.folder import is_at_hand, model_folder
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.score.evaluation import UntrainedScores
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.report_evaluations import ArmRun, open_arms, open_stated, plan_arms
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Recommendation
from autoselection_core.solver.solver import Solver
from autoselection_core.subset import Subset, realise
from autoselection_core.subset.explain import idle_steps_sentence, without_idle_steps


@dataclass(frozen=True, eq=False)
class SearchFacts:
    """A search with its pool and signals at hand.

    Attributes:
        workspace: The campaign at work.
        record: The search and how far it came.
    """

    workspace: Workspace
    record: SearchRecord

    @classmethod
    def of(cls, workspace: Workspace, search: str) -> "SearchFacts":
        """The facts of a search.

        Raises:
            UnknownSearchError: No search has this name.
        """
        return cls(workspace, workspace.ledger.search(search))

    @cached_property
    def history(self) -> History:
        """History of the search: everything that was measured."""
        return self.workspace.ledger.history(self.record.search)

    @cached_property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All trials, failed and running ones too."""
        return self.workspace.ledger.trials(self.record.search)

    @cached_property
    def measured_subsets(self) -> tuple[Subset, ...]:
        """The subset of every measured trial, in the order of the history."""
        return tuple(self.realise(entry.recipe) for entry in self.history.observations)

    @cached_property
    def pool(self) -> Pool:
        """The pool that the search pins."""
        return self.workspace.pool(self.record.spec.pool_version)

    @cached_property
    def signals(self) -> SignalTable:
        """The signals that the search pins."""
        return self.workspace.signals(self.record.spec.pool_version, self.record.spec.signal_versions)

    @cached_property
    def solver(self) -> Solver:
        """Solver that chose the candidates, and recommends one."""
        return self.workspace.solver(self.record.spec)

    @cached_property
    def best(self) -> Recommendation | None:
        """The recipe with the best posterior mean; None before anything was measured."""
        return self.solver.recommend(self.history) if self.history.observations else None

    def require_best(self) -> Recommendation:
        """The recipe with the best posterior mean.

        Raises:
            NothingToRecommendError: Nothing was measured yet.
        """
        return self.solver.recommend(self.history) if self.best is None else self.best

    @cached_property
    def best_subset(self) -> Subset | None:
        """The rows of the recommended recipe."""
        return None if self.best is None else self.realise(self.best.recipe)

    @property
    def is_whole_pool(self) -> bool:
        """Whether the recommended recipe keeps every row of the pool."""
        return self.best_subset is not None and len(self.best_subset) == len(self.signals)

    @property
    def size_warning(self) -> str:
        """Warning of a recommended subset that is small for a real training; empty where it is not."""
        if self.best_subset is None:
            return ""
        return size_warning(self.workspace.campaign, self.record.spec, self.best_subset, self.signals)

    @cached_property
    def answer_tokens(self) -> Mapping[str, int]:
        """Different tokens of the right answers to test items, by benchmark that log-likelihood scores.

        Empty where nothing is trained here, and on a machine without the model, such as a restored one.
        """
        model = self.workspace.campaign.base_model
        scored = [
            one
            for one in self.workspace.benchmarks_of(self.record.spec)
            if one.metric is Metric.LOG_LIKELIHOOD and one.harness is None
        ]
        if model is None or not self.workspace.campaign.trains_here or not scored or not is_at_hand(model):
            return {}
        from autoselection_core.models.base_model import load_tokenizer

        tokenizer = load_tokenizer(model_folder(model))
        return {one.name: distinct_answer_tokens(one, Side.TEST, tokenizer) for one in scored}

    @cached_property
    def max_tokens(self) -> int | None:
        """Length at which a training of the search cuts samples; None where no tokens were counted."""
        if "tokens" not in self.signals.columns:
            return None
        return max_tokens_of(self.workspace.campaign, self.record.spec.training)

    def readable_tokens(self, recipe: Recipe | None) -> int | None:
        """Tokens that a training can read of a recipe's rows; None without a recipe, or where none is cut."""
        if recipe is None or self.max_tokens is None:
            return None
        return tokens_of(self.realise(recipe), self.signals, self.max_tokens)

    @cached_property
    def best_recipe(self) -> Recipe:
        """The recommended recipe without the steps that change nothing on this pool.

        Raises:
            NothingToRecommendError: Nothing was measured yet.
        """
        return without_idle_steps(self.require_best().recipe, self.signals)

    @cached_property
    def shown_subset(self) -> Subset:
        """The rows of the recommended recipe, by the steps that change something.

        Raises:
            NothingToRecommendError: Nothing was measured yet.
        """
        return self.realise(self.best_recipe)

    @property
    def idle_steps(self) -> str:
        """Sentence on the steps of the recommended trial that change nothing; empty where there are none."""
        return idle_steps_sentence(len(self.require_best().recipe) - len(self.best_recipe))

    @cached_property
    def arms(self) -> tuple[ArmRun, ...]:
        """The finished evaluations that the report planned, with their test scores.

        None while the search runs.
        """
        if self.record.state is SearchState.ACTIVE:
            return ()
        planned = plan_arms(self.workspace.ledger, self.record.search, self.solver)
        return open_arms(self.workspace.ledger, self.record.search, planned, self._evaluator)

    @cached_property
    def stated(self) -> tuple[ArmRun, ...]:
        """The finished evaluations of recipes that a person stated, with their test scores.

        None while the search runs, which their test scores could steer.
        """
        if self.record.state is SearchState.ACTIVE:
            return ()
        return open_stated(self.workspace.ledger, self.record.search, self._evaluator)

    @property
    def compared(self) -> tuple[ArmRun, ...]:
        """All finished evaluations of the report: those that it planned, then those that were stated."""
        return (*self.arms, *self.stated)

    @cached_property
    def mixture(self) -> str | None:
        """Sentence on models that were trained in several number types or on several kinds of machine."""
        records = (*self.trials, *(run.trial for run in self.compared))
        names = dict.fromkeys(each.evaluation for each in records if each.evaluation is not None)
        folders = (EvaluationFolder(self.workspace.home.evaluation(name)) for name in names)
        return mixture_sentence(found for each in folders if (found := each.environment) is not None)

    @property
    def _evaluator(self) -> Evaluator:
        return self.workspace.evaluator(self.record.spec.pool_version, self.record.spec)

    @cached_property
    def untrained(self) -> UntrainedScores | None:
        """Scores of the untrained base model; None where no report scored it."""
        spec = self.record.spec
        folder = EvaluationFolder(self.workspace.home.evaluation(untrained_key(spec.evaluator)))
        return folder.read_untrained(spec.score_weights)

    @property
    def is_finished(self) -> bool:
        """Whether no trial waits or runs."""
        return all(trial.state.has_ended for trial in self.trials)

    def realise(self, recipe: Recipe) -> Subset:
        """The rows of a recipe on the pool of the search."""
        return realise(recipe, self.signals)
