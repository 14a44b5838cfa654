"""A language model on loopback: an HTTP server that speaks like OpenAI's, or in one of many wrong ways."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Facts = dict[str, Any]
Speaks = Callable[[str, Facts], str]

STEP = {"keep_top": {"signal": "word_entropy", "order": "highest", "fraction": 0.3}}

NEW_ANCHOR = [
    STEP,
    {"keep_random": {"fraction": 0.9}},
    {"keep_top": {"signal": "tokens", "order": "lowest", "fraction": 0.8}},
]


def role_of(facts: Facts) -> str:
    """Role that a prompt is for, by the facts in it."""
    if "candidates" in facts:
        return "ranker"
    if "anchor" in facts:
        return "proposer"
    return "reseeder" if "credits" in facts else "summariser"


def sensible(role: str, facts: Facts) -> str:
    """Answer of a model that follows its prompts."""
    return json.dumps(_ANSWERS[role](facts))


def _ranked_by_mean(facts: Facts) -> Facts:
    # Told means are rounded; equal ones go by the recipe, so that the order shown does not matter.
    order = sorted(facts["candidates"], key=lambda one: (-float(one["mean"]), json.dumps(one["steps"])))
    return {"ranking": [one["index"] for one in order], "confidence": 0.7, "reason": "highest mean"}


def _proposed(facts: Facts) -> Facts:
    steps = facts["anchor"]["steps"]
    unions = [{"union": {"trial": trial}} for trial in facts["unions"][:1]]
    return {"recipes": [[*steps[: facts["longest"] - 1], step] for step in [STEP, *unions]]}


_ANSWERS: dict[str, Callable[[Facts], Facts]] = {
    "summariser": lambda _: {"findings": ["1. less is more", "2. entropy helps", "3. no union was tried"]},
    "proposer": _proposed,
    "ranker": _ranked_by_mean,
    "reseeder": lambda _: {"steps": NEW_ANCHOR},
}


@dataclass(eq=False)
class Model:
    """A server at work.

    Attributes:
        url: What a campaign would name.
        asked: The roles that were asked for, in order.
        requests: The bodies of all requests.
        keys: Their `Authorization` headers.
    """

    url: str = ""
    asked: list[str] = field(default_factory=list)
    requests: list[Facts] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def speaking(speaks: Speaks = sensible, status: int = 200, delay_s: float = 0.0) -> Iterator[Model]:
    """Serve a model on a free port of loopback until the block ends.

    Args:
        speaks: What the model says to a role and its facts.
        status: Of every answer; at 302 the client is sent to another path of the same server.
        delay_s: Between any two bytes of an answer.
    """
    model = Model()
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            facts = json.loads(body["messages"][1]["content"])
            model.asked.append(role_of(facts))
            model.requests.append(body)
            model.keys.append(self.headers["Authorization"])
            said = speaks(role_of(facts), facts)
            message = {"choices": [{"message": {"content": said}}], "usage": {"prompt_tokens": 7}}
            self._send(json.dumps(message).encode())

        def do_GET(self) -> None:
            model.asked.append("redirected")
            self._send(b"{}")

        def _send(self, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if not delay_s:
                self.wfile.write(content)
                return
            for byte in content:
                if done.is_set():
                    return
                self.wfile.write(bytes([byte]))
                time.sleep(delay_s)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield model
    finally:
        done.set()
        server.shutdown()
        server.server_close()
        thread.join()
