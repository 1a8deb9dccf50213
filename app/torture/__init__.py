"""
A loss checker: clients that send, drop, retry and resume, and a comparison with the log.

It knows a server by its protocol alone, so that it can be pointed at any deployment, behind any
proxy: what it shares with the server are words (``app.domain``), not code. ``history`` and
``checker`` do no I/O; the rest talks to the server.

    plan ──▶ run ──▶ client · reader ──▶ history ──▶ checker ──▶ report
              │                                        ▲
              ├──▶ kills        the log over HTTP ─────┘
              └──▶ site
"""
