"""As much of S3 and Secrets Manager as the migrator meets: a PUT of its answer, a password."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Cloud:
    """Takes answers, and keeps secrets; `answers` are those that came."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.secret = ""
        self.fails = 0
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if cloud.fails:
                    cloud.fails -= 1
                    self._say(503, b"")
                    return
                cloud.content_types.append(self.headers["content-type"])
                cloud.answers.append(json.loads(body))
                self._say(200, b"")

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self._say(200, json.dumps({"SecretString": cloud.secret}).encode())

            def _say(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
