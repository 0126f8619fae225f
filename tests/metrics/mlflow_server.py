"""A server with the five calls of MLflow's REST interface that the sink makes; it can hang, fail, and remembers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WAIT = 30.0  # a bound on events that come at once


class MlflowServer:
    """`experiments`: ids by name; `runs`: what each run was given, by its id."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.race = False  # another run makes the experiment between our look and our making it
        self.fails: int | None = None  # the HTTP status of every answer
        self.hangs, self.hung, self.let_go = False, threading.Event(), threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """From here on connections are refused."""
        self.let_go.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, call: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.hangs:
            self.hung.set()
            assert self.let_go.wait(WAIT)
        if self.fails is not None:
            code = "INVALID_PARAMETER_VALUE" if self.fails == 400 else "TEMPORARILY_UNAVAILABLE"
            return self.fails, {"error_code": code, "message": call}
        return getattr(self, "_" + call.replace("/", "_").replace("-", "_"))(asked)

    def _experiments_get_by_name(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = asked["experiment_name"]
        if name not in self.experiments:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": name}
        return 200, {"experiment": {"experiment_id": self.experiments[name], "name": name}}

    def _experiments_create(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.experiments[asked["name"]] = "7"
        if self.race:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": asked["name"]}
        return 200, {"experiment_id": "7"}

    def _runs_create(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run_id = f"{len(self.runs):032x}"
        tags = {tag["key"]: tag["value"] for tag in asked["tags"]}
        self.runs[run_id] = {
            "experiment": asked["experiment_id"],
            "name": asked["run_name"],
            "tags": tags,
            "params": {},
            "metrics": [],
        }
        return 200, {"run": {"info": {"run_id": run_id, "run_uuid": run_id, "status": "RUNNING"}, "data": {}}}

    def _runs_log_batch(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self.runs[asked["run_id"]]
        run["params"] |= {param["key"]: param["value"] for param in asked.get("params", [])}
        run["metrics"] += [(m["key"], int(m.get("step", 0)), m["value"]) for m in asked.get("metrics", [])]
        return 200, {}

    def _runs_update(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.runs[asked["run_id"]]["status"] = asked["status"]
        return 200, {"run_info": {"run_id": asked["run_id"], "run_uuid": asked["run_id"], "status": asked["status"]}}


def _handler(server: MlflowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            from urllib.parse import parse_qsl, urlsplit

            where = urlsplit(self.path)
            self._answer(where.path, dict(parse_qsl(where.query)))

        def do_POST(self) -> None:
            self._answer(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, path: str, asked: dict[str, Any]) -> None:
            status, answer = server.answer(path.split("/mlflow/", 1)[1], asked)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
