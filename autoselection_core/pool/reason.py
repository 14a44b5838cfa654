"""Why a record is no sample."""

from enum import StrEnum


class Reason(StrEnum):
    """The reasons for which ingestion quarantines a record. A record has one: the first that holds."""

    TOO_LONG = "over-long record"
    BAD_UTF8 = "bad UTF-8"
    BAD_JSON = "bad JSON"
    UNDESIRABLE = "marked undesirable"
    NO_MESSAGES = "no messages"
    UNKNOWN_ROLE = "unknown role"
    NO_ANSWER = "no assistant answer"
    EMPTY_ANSWER = "empty answer"
    CONTRADICTION = "contradicting answers"
