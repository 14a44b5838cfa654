"""Reasons for which a record is no sample."""

from enum import StrEnum


class QuarantineReason(StrEnum):
    """The reasons for which ingestion quarantines a record. A record has one: the first that holds."""

    TOO_LONG = "over-long record"
    BAD_UTF8 = "bad UTF-8"
    BAD_JSON = "bad JSON"
    BAD_ROW = "bad table row"
    OTHER_PLACE = "elsewhere in the file"
    UNDESIRABLE = "marked undesirable"
    MEDIA = "images, sound or video"
    PREFERENCE = "preference pair"
    MISSING_FIELD = "named field missing"
    NO_MESSAGES = "no messages"
    UNKNOWN_ROLE = "unknown role"
    EMPTY_QUESTION = "empty question"
    NO_ANSWER = "no assistant answer"
    EMPTY_ANSWER = "empty answer"
    UNTAUGHT = "no turn to learn"
    CONTRADICTION = "contradicting answers"
    UNREAD = "unreadable passage"
