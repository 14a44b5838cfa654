"""Environment variables of an installation: their names and meanings.

`docs/reference/environment.md` is made from this list; a test compares it with the variables that the code
reads, that `deploy/` sets, and that a judge's program is given.
"""

from dataclasses import dataclass

HOME = "AUTOSELECTION_HOME"
CAMPAIGNS = "AUTOSELECTION_CAMPAIGNS"
HISTORY_URL = "AUTOSELECTION_HISTORY_URL"
DATA = "AUTOSELECTION_DATA"
LEASE_S = "AUTOSELECTION_LEASE_S"
BENCHMARKS = "AUTOSELECTION_BENCHMARKS"
WEBHOOK_URL = "AUTOSELECTION_WEBHOOK_URL"
ADVISER_KEY = "AUTOSELECTION_ADVISER_KEY"
RAY_ADDRESS = "AUTOSELECTION_RAY_ADDRESS"
OBJECTS = "AUTOSELECTION_OBJECTS"
LOADED = "AUTOSELECTION_LOADED"
REPORTS_URL = "AUTOSELECTION_REPORTS_URL"
OBJECTS_ENDPOINT = "AWS_ENDPOINT_URL"

JUDGE = {
    "subset": "AUTOSELECTION_JUDGE_SUBSET",
    "output": "AUTOSELECTION_JUDGE_OUTPUT",
    "scores": "AUTOSELECTION_JUDGE_SCORES",
    "side": "AUTOSELECTION_JUDGE_SIDE",
    "replicate": "AUTOSELECTION_JUDGE_REPLICATE",
    "key": "AUTOSELECTION_JUDGE_KEY",
}
"""Variables that AutoSelection sets for a judge's program, by the field of the request that each holds."""

JUDGE_CALL = "AUTOSELECTION_JUDGE_CALL"
"""Variable that marks every process that a judge's program starts."""

JUDGE_READER = "the program of a `judge`"
_EACH_CALL = "set by AutoSelection for each call"


@dataclass(frozen=True)
class Variable:
    """An environment variable.

    Attributes:
        name: Its name.
        meaning: Meaning of its value.
        default: Behaviour where it is not set, or who sets it.
        reader: Program that reads it.
    """

    name: str
    meaning: str
    default: str = "not set"
    reader: str = "AutoSelection"


VARIABLES: tuple[Variable, ...] = (
    Variable(HOME, "Folder of everything that is stored.", "`.autoselection` in the working folder"),
    Variable(CAMPAIGNS, "File that declares the campaigns.", "`autoselection.yaml` in the working folder"),
    Variable(
        HISTORY_URL,
        "Database of the history, as a SQLAlchemy URL: `postgresql://user:password@host/name`.",
        "an SQLite file in the home folder",
    ),
    Variable(DATA, "Further folders that campaigns may read from, joined by `:`.", "none"),
    Variable(
        OBJECTS,
        "Object storage that campaigns may read raw files from: `s3://bucket/prefix`, joined by blanks.",
        "none",
    ),
    Variable(
        LEASE_S,
        "A running trial of Dagster whose worker was silent for so many seconds starts again.",
        "60",
    ),
    Variable(
        REPORTS_URL,
        "Address at which browsers reach the served reports, without `/reports`; `/` behind the proxy of "
        "`deploy/`.",
        "`make ui` and `autoselection ui` set that of their own report server; elsewhere the UI shows the "
        "path of a report and no link",
    ),
    Variable(
        LOADED,
        "File with the campaigns that the code location has loaded, and its run workers go on with.",
        "set by the code server for its run workers",
    ),
    Variable(BENCHMARKS, "Folder of the benchmarks that `autoselection audit` looks for.", "`benchmarks`"),
    Variable(WEBHOOK_URL, "Where alerts of Dagster are posted as JSON with a `text`.", "none are posted"),
    Variable(
        ADVISER_KEY,
        "Key of the language model that advises searches, sent to the `url` of a campaign's `adviser` alone.",
        "none is sent",
    ),
    Variable(
        RAY_ADDRESS,
        "Head of the Ray cluster that scores samples and evaluates subsets: `host:port`.",
        "whoever asks for work does it",
    ),
    Variable("DAGSTER_HOME", "Folder of Dagster's own storage, with `dagster.yaml`.", reader="Dagster"),
    Variable(
        "DAGSTER_POSTGRES_URL",
        "Database of Dagster's own storage, where `dagster.yaml` has the lines of `dagster-postgres.yaml`. "
        "Write it as `postgresql+psycopg2://...`.",
        reader="Dagster, `autoselection backup`",
    ),
    Variable("AWS_ACCESS_KEY_ID", "Who reads and writes object storage.", reader="pyarrow"),
    Variable("AWS_SECRET_ACCESS_KEY", "The secret of that key.", reader="pyarrow"),
    Variable("AWS_REGION", "Region of the buckets.", "`us-east-1`", "pyarrow"),
    Variable(
        OBJECTS_ENDPOINT,
        "Object storage other than Amazon's that speaks S3: `https://host:port`.",
        "Amazon's",
        "AutoSelection's client",
    ),
    Variable("RAY_AUTH_MODE", "`token`: a Ray cluster takes work only with its token.", reader="Ray"),
    Variable("RAY_AUTH_TOKEN", "That token; or else a file holds it.", reader="Ray"),
    Variable("RAY_AUTH_TOKEN_PATH", "File with that token.", "`~/.ray/auth_token`", "Ray"),
    Variable("RAY_USAGE_STATS_ENABLED", "`0`: Ray sends no statistics of its use.", "`0` here", "Ray"),
    Variable(
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
        "`0`: Ray listens on the address that it is given, so a single machine's cluster stays on loopback.",
        "`0` where the head's address is loopback",
        "Ray",
    ),
    Variable(
        "DAGSTER_RAY_ADDRESS",
        "Job server of the Ray cluster that runs whole runs, where `dagster.yaml` has the lines of "
        "`dagster-ray.yaml`: `http://host:8265`.",
        reader="Dagster",
    ),
    Variable(
        "HF_HUB_OFFLINE",
        "`1`: download nothing: base models and data sets come from folders and the cache.",
        reader="transformers",
    ),
    Variable(
        "HF_HOME", "Folder of downloaded base models and data sets.", "`~/.cache/huggingface`", "transformers"
    ),
    Variable("CUDA_VISIBLE_DEVICES", "Which GPUs a worker may use.", "all", "torch"),
    Variable("OMP_NUM_THREADS", "Threads of one process.", "all cores", "torch, numpy"),
    Variable("TOKENIZERS_PARALLELISM", "`false` keeps forks quiet.", reader="tokenizers"),
    Variable(JUDGE["subset"], "File of the selected samples, as JSON lines.", _EACH_CALL, JUDGE_READER),
    Variable(
        JUDGE["output"],
        "Folder of the evaluation, the same on every call for it.",
        _EACH_CALL,
        JUDGE_READER,
    ),
    Variable(JUDGE["scores"], "File that the program writes its scores to.", _EACH_CALL, JUDGE_READER),
    Variable(
        JUDGE["side"],
        "Items to score: `dev`, or `test` when a report opens the test items.",
        _EACH_CALL,
        JUDGE_READER,
    ),
    Variable(
        JUDGE["replicate"],
        "Number of the repetition: the seed of the training.",
        _EACH_CALL,
        JUDGE_READER,
    ),
    Variable(JUDGE["key"], "Name of the evaluation.", _EACH_CALL, JUDGE_READER),
    Variable(
        JUDGE_CALL, "Mark of the call; processes that have it end with the call.", _EACH_CALL, JUDGE_READER
    ),
)
"""Every variable that `deploy/` sets, the code reads, or the code sets for a judge's program."""
