"""Dagster Pipes for judges: log lines and metadata of the user's program in the run of its trial."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
from typing_extensions import override

from autoselection_core.environment_variables import JUDGE
from autoselection_core.evaluation.judge.evaluator import PIPES, JudgeEvaluator
from autoselection_core.evaluation.judge.program import ProgramCall, run_program
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_dagster.beta import known_beta

_CONTEXT, _MESSAGES = "pipes-context.json", "pipes-messages.jsonl"


class JudgePipesClient(dg.PipesClient):
    """Pipes client that runs a judge.

    Context and messages are files in the judge's folder, which lies in the home folder: a program that the
    command starts on another machine reaches them wherever it reaches the subset. The fields of the
    request (`subset`, `scores`, ...) are its extras.
    """

    @override
    def run(  # type: ignore[override] # clients add arguments of their own
        self,
        *,
        context: dg.OpExecutionContext | dg.AssetExecutionContext,
        extras: Mapping[str, Any] | None = None,
        call: ProgramCall,
    ) -> dg.PipesClientCompletedInvocation:
        """Run a program to its end within a Pipes session; see `run_program`.

        Raises:
            JudgeError: It could not be started, ran too long, or ended with another code than 0.
        """
        call.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with known_beta():
                session = stack.enter_context(
                    dg.open_pipes_session(
                        context=context,
                        context_injector=dg.PipesFileContextInjector(str(call.folder / _CONTEXT)),
                        message_reader=dg.PipesFileMessageReader(str(call.folder / _MESSAGES)),
                        extras=None if extras is None else dict(extras),
                    )
                )
            variables = {**call.environment, **session.get_bootstrap_env_vars()}
            run_program(replace(call, environment=variables))
        return dg.PipesClientCompletedInvocation(session)


@dataclass(frozen=True)
class ProgramReports:
    """Reports of a judge's program during one step.

    Attributes:
        context: The step.
        metadata: Metadata that the program has reported for the step's asset.
    """

    context: dg.AssetExecutionContext
    metadata: dict[str, Any] = field(default_factory=dict)

    def attach(self, evaluator: Evaluator) -> Evaluator:
        """The evaluator; a judge whose protocol is Pipes reports here from now on."""
        if isinstance(evaluator, JudgeEvaluator) and evaluator.settings.protocol == PIPES:
            return replace(evaluator, runs=self)
        return evaluator

    def __call__(self, call: ProgramCall) -> None:
        """Run the program of a call within a Pipes session of the step."""
        ended = JudgePipesClient().run(
            context=self.context.op_execution_context,
            extras={name: call.environment[variable] for name, variable in JUDGE.items()},
            call=call,
        )
        for result in ended.get_results(implicit_materializations=False):
            if isinstance(result, dg.MaterializeResult):
                self.metadata.update(result.metadata or {})
            else:
                self.context.log.warning("a check that the judge reports is not kept: report it as metadata")
