"""Messages by HTTP: curl -d 'Deployed 1.2.3' http://127.0.0.1:8080/general. A retry with the same
Idempotency-Key is stored once."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from parley_client import ParleyError, SyncClient

URL = os.environ.get("PARLEY_URL", "http://127.0.0.1:8000")


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        size = min(int(self.headers.get("Content-Length", 0)), 16_000)
        text = self.rfile.read(size).decode("utf-8", "replace")
        try:
            ack = chat.send(self.path.strip("/"), text, id=self.headers.get("Idempotency-Key"))
            status, answer = 201, f"{ack.seq}\n"
        except ParleyError as exc:
            status, answer = 502, f"{exc}\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer.encode())


with SyncClient(URL, os.environ["PARLEY_USER"], os.environ["PARLEY_PASSWORD"]) as chat:
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Hook).serve_forever()
