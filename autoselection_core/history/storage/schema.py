"""Present tables of the ledger; `migrations` has the steps that lead to them."""

from typing import Any, TypeAlias

from sqlalchemy import Column, Double, Integer, MetaData, Row, String, Table, Text

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row with the columns that its query asked for."""

METADATA = MetaData()

LOCK = Table(
    "ledger_lock",
    METADATA,
    Column("id", Integer, primary_key=True),
)
"""Lock of one row: every writer locks it first, so writers are serialised on every database."""

SEARCHES = Table(
    "searches",
    METADATA,
    Column("search", String(120), primary_key=True),
    Column("identity", String(32), nullable=False),
    Column("spec", Text, nullable=False),
    Column("budget", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("report_evaluations", Integer, nullable=False),
    Column("stopped", Text),  # the reason; NULL while the search may go on
    Column("counted_from", Integer, nullable=False),  # streaks of reuse and failure count later trials only
    Column("lock_token", String(40)),
    Column("lock_until", Double),
    Column("created_at", Double, nullable=False),
    Column(
        "stop_cause", String(20)
    ),  # person | superseded | study | stuck | broken; NULL while the search may go on
)

TRIALS = Table(
    "trials",
    METADATA,
    Column("search", String(120), primary_key=True),
    Column("kind", String(10), primary_key=True),  # search | report: which of the two budgets pays
    Column("trial", Integer, primary_key=True),
    Column("arm", String(40), nullable=False),  # of a report; empty for a trial of the search
    Column("attempt", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # waiting | reserved | running | done | failed
    Column("until", Double),  # when the lease of a reserved or running trial ends
    Column("recipe", Text),
    Column("subset", String(32)),
    Column("replicate", Integer),
    Column("tokens", Integer),
    Column("proposal", Text),
    Column("seen", Text),  # the history that the proposal saw, as trial numbers
    Column("evaluation", String(32)),
    Column("cost", Double, nullable=False),
    Column("reused", Integer, nullable=False),
    Column("reason", Text),
    Column("utility", Double),  # by the weights of this search; an evaluation may be shared by searches
    Column("standard_error", Double),
)

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    Column("evaluation", String(32), primary_key=True),
    Column("subset", String(32), nullable=False),
    Column("replicate", Integer, nullable=False),
    Column("utility", Double, nullable=False),  # by the weights of the search that paid
    Column("scores", Text, nullable=False),
    Column("standard_error", Double),
    Column("finished_at", Double, nullable=False),
)

MONEY = Table(
    "money",
    METADATA,
    Column("search", String(120), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("outcome", String(10), nullable=False),  # paid | reused | failed | lost | released
    Column("evaluation", String(32)),
    Column("cost", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("training_tokens", Integer, nullable=False),
    Column("scoring_tokens", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Double, nullable=False),
)
"""One row for every attempt that ended, never changed afterwards."""

VERSIONS = Table(
    "schema_versions",
    METADATA,
    Column("version", Integer, primary_key=True),
    Column("applied_at", Double, nullable=False),
)
