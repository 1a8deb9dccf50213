"""
Connected clients: sockets, event streams, and the delivery of events to them.

Everything here is in memory and belongs to the event loop. Losing all of it loses no message:
the log has every event, and a client resumes from the last ``seq`` that it applied.

In::

    socket ─▶ message_reader ─▶ client_session ─▶ request_handler ─▶ the log's committer
                                                        └─▶ joins ─▶ replay

Out::

    committer ─▶ feed ─▶ room_feed ─▶ hub ─▶ fanout ─▶ outbox ─▶ transport

Nodes on one database are connected by ``cluster`` (hints, at once) and ``poller`` (the
database, every second). ``parts`` builds and opens the package.
"""
