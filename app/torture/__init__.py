"""
A loss checker: clients that send, drop, retry and resume, and a comparison with the log.

It knows a server only by its protocol, so it can be pointed at any deployment, behind any proxy.
It shares no code with the server. ``history`` and ``checker`` do no I/O; the other modules talk to
the server.

    plan ──▶ run ──▶ websocket_client · polling_client ──▶ history ──▶ checker ──▶ report
              │                                                          ▲
              ├──▶ server_killer              the log over HTTP ─────────┘
              └──▶ api_client
"""
