"""
Transcripts: what clients and operators see, recorded and compared byte for byte.

Each test holds one conversation with a real server, or runs commands, and compares what came
back with a file of its name in ``recorded/``. A difference fails the test and is shown as a
diff. After a change of behaviour that is wanted, record anew and commit the difference with
the change that caused it::

    pytest tests/transcripts --record

A black box: the command (``python -m app``), docs/protocol.md and the standard library's
HTTP client are all that is used. Nothing is imported from ``app``.

How a transcript reads:

    ann > POST /rooms               what ann asks; her bearer token is left out
    ann > {"name": "den"}
        < 201                       the status
        < location: /rooms/den      headers, but for those that every answer of the API has
        < {"name":"den",…}          the body, as it came
        ~ detail: …                 sentences for people, apart from the facts: «…» stands for
                                    each of them in the body
    bob < {"type":"ack",…}          a frame on bob's socket

``headers.txt`` has whole heads of answers. Elsewhere a header is shown if it is not one of
those that every answer of its kind has, and ``no cache-control`` if one of those is missing.

What differs from run to run is a placeholder: ``<time>``, ``<seconds>``, ``<token-1>``. The
same number stands for the same value within a file. Names, and ``seq``, are as they are.
"""
