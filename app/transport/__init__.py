"""Bytes in and out: WebSocket, HTTP, event streams, and the server process. Knows nothing of chat."""
