"""A server of archives on this computer that drops connections, lies and corrupts."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves `files`; `mood` says in which way it misbehaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.mood = "honest"
        self.drop_after = 0
        self.requests: list[tuple[str, str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/archive"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *arguments: object) -> None:
        return

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        server, content = self.server, self.server.files.get(self.path)
        asked = self.headers.get("Range")
        server.requests.append((self.command, self.path, asked))
        self.close_connection = True
        if content is None or (server.mood == "no HEAD" and not body):
            self.send_error(404)
            return
        if server.mood == "busy" and body and len(server.requests) < 4:
            self.send_error(503)
            return
        tag = '"' + hashlib.md5(content).hexdigest() + '"'
        start = 0
        if asked and server.mood != "no ranges" and self.headers.get("If-Range") in (None, tag):
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content) + 10 * (server.mood == 'announces more')}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            shown = start + 1 if server.mood == "wrong range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        length = len(content) - start + {"announces more": 10, "announces less": -10}.get(server.mood, 0)
        if server.mood != "no length":
            self.send_header("Content-Length", str(length))
        self.send_header("ETag", tag)
        self.end_headers()
        if body:
            sent = content[start:]
            if server.mood == "drops" and len(sent) > server.drop_after:
                sent = sent[: server.drop_after]
            self.wfile.write(sent)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
