"""An S3-compatible server on loopback, in a process of its own."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from autoselection_core.loopback import free_port

_ENDPOINT = "AWS_ENDPOINT_URL"


@dataclass(frozen=True)
class Objects:
    """A running server.

    Attributes:
        environment: How clients find it and who they are.
    """

    environment: Mapping[str, str]

    def put(self, key: str, content: bytes) -> None:
        with self._client().open_output_stream(key) as sink:
            sink.write(content)

    def remove(self, key: str) -> None:
        self._client().delete_file(key)

    def read(self, key: str) -> bytes:
        with self._client().open_input_stream(key) as source:
            return bytes(source.read())

    def make(self, bucket: str) -> None:
        self._client().create_dir(bucket)

    def _client(self) -> Any:
        from pyarrow import fs

        return fs.S3FileSystem(
            access_key=self.environment["AWS_ACCESS_KEY_ID"],
            secret_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region=self.environment["AWS_REGION"],
            scheme="http",
            endpoint_override=self.environment[_ENDPOINT].removeprefix("http://"),
            allow_bucket_creation=True,
        )


@contextmanager
def object_server() -> Iterator[Objects]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    moto = "from moto.server import main; main()"
    command = [sys.executable, "-c", moto, "-H", "127.0.0.1", "-p", str(port)]
    started = subprocess.Popen(
        command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(f"{address}/moto-api/", started)
        yield Objects(
            {
                "AWS_ACCESS_KEY_ID": "somebody",
                "AWS_SECRET_ACCESS_KEY": "a secret of nobody",
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                _ENDPOINT: address,
            }
        )
    finally:
        started.kill()
        started.wait()


def _wait_for(address: str, started: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert started.poll() is None, "the server did not start"
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - loopback
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise TimeoutError(address)
