"""A server that starts a W&B run and from then on accepts every request and answers none: an outage at the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUCKET = {
    "id": "aWQ=",
    "name": "r",
    "displayName": "r",
    "config": "{}",
    "historyLineCount": 0,
    "project": {"id": "cA==", "name": "p", "entity": {"id": "ZQ==", "name": "e"}},
}


@contextmanager
def silent_wandb(*, starts_runs: bool) -> Iterator[str]:
    """Its address. starts_runs: whether the request that makes a run is answered."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if not (starts_runs and b"mutation UpsertBucket" in asked):
                over.wait()
                return
            body = json.dumps({"data": {"upsertBucket": {"bucket": BUCKET, "inserted": True}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
