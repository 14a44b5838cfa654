"""An OpenAI-compatible endpoint: one POST a question, and never more than the time it was given."""

import os
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from autoselection_core import environment_variables
from autoselection_core.solver.advice.exchange import AdviserQuestion, Reply

if TYPE_CHECKING:
    from requests import Response

_MAX_BYTES = 4_000_000
"""Maximum size of an answer; a longer one is no answer."""

_CHUNK_BYTES = 65_536
_OK = 200


@dataclass(frozen=True)
class Endpoint:
    """A language model behind `<url>/chat/completions`.

    Nothing but this address is asked: redirections are refused, because they would carry the key elsewhere.
    A proxy of the environment is used, except for addresses of this machine.

    Attributes:
        url: Address without `/chat/completions`.
        timeout_s: Seconds that an answer is waited for, all in all.
    """

    url: str
    timeout_s: float

    def reply(self, question: AdviserQuestion) -> Reply:
        """See `Answers.reply`. Any error of the other side becomes a reply without text."""
        replies: queue.Queue[Reply] = queue.Queue()
        # A socket's timeout counts from one byte to the next, and looking up a name has none at all. So
        # the request has a thread of its own, and a late one is left behind.
        threading.Thread(target=lambda: replies.put(self._posted(question)), daemon=True).start()
        started = time.monotonic()
        try:
            return replies.get(timeout=self.timeout_s)
        except queue.Empty:
            problem = f"no answer within {self.timeout_s:g} s"
            return Reply(None, problem, seconds=time.monotonic() - started)

    def _posted(self, question: AdviserQuestion) -> Reply:
        from requests import RequestException

        started = time.monotonic()
        try:
            reply = self._read(question)
        except (RequestException, ValueError) as error:
            # The type alone: messages of this library repeat addresses and headers.
            reply = Reply(None, f"the request failed: {type(error).__name__}")
        return Reply(
            reply.text,
            reply.problem,
            time.monotonic() - started,
            reply.tokens_read,
            reply.tokens_written,
        )

    def _read(self, question: AdviserQuestion) -> Reply:
        import json

        from requests import Session

        with Session() as session:
            session.trust_env = False  # a .netrc would replace the key
            session.proxies = dict(_proxies_for(self.url))
            answer = session.post(
                f"{self.url.rstrip('/')}/chat/completions",
                json=_body(question),
                headers=_headers(),
                timeout=self.timeout_s,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                if answer.status_code != _OK:
                    return Reply(None, f"the endpoint answered with status {answer.status_code}")
                content = _limit(answer)
        return Reply(None, "the answer is too long") if content is None else _reply_in(json.loads(content))


def _body(question: AdviserQuestion) -> dict[str, Any]:
    return {
        "model": question.model,
        "messages": [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.user},
        ],
        "temperature": question.temperature,
        "max_tokens": question.max_tokens,
    }


def _headers() -> dict[str, str]:
    key = os.environ.get(environment_variables.ADVISER_KEY)
    return {"Authorization": f"Bearer {key}"} if key else {}


def _proxies_for(url: str) -> Mapping[str, str]:
    from requests.utils import get_environ_proxies

    return {} if _is_this_machine(urlsplit(url).hostname or "") else get_environ_proxies(url)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _limit(answer: "Response") -> bytes | None:
    """The body, or None where it is longer than an answer can be."""
    content = b""
    for chunk in answer.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > _MAX_BYTES:
            return None
    return content


def _reply_in(body: object) -> Reply:
    """The text of a chat completion."""
    try:
        choice = body["choices"][0]  # type: ignore[index] # whatever it is, it is refused below
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return Reply(None, "the endpoint's answer is no chat completion")
    if not isinstance(text, str):
        return Reply(None, "the endpoint's answer has no text")
    usage = body.get("usage") if isinstance(body, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        text,
        tokens_read=_count(counts.get("prompt_tokens")),
        tokens_written=_count(counts.get("completion_tokens")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
