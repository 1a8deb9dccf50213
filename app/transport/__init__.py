"""Bytes in and out: WebSocket, HTTP, event streams, the server process. No chat in here."""
