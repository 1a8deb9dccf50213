"""
Transcripts: the behaviour of the server and of the command, recorded and compared byte for byte.

Each test runs one scenario against a real server, or runs commands, and compares the result
with the file of its name in ``recorded/``. A difference fails the test and is shown as a diff.
After an intended change of behaviour, record again and commit the difference together with the
change that caused it::

    pytest tests/transcripts --record

The tests are black-box: they start the command (``python -m app``) and use docs/protocol.md,
the network and standard libraries. They import nothing from ``app``.

How to read a transcript::

    ann > POST /rooms               ann sends; her Authorization header is left out
    ann > {"name": "den"}
        < 201                       the status of the answer
        < location: /rooms/den      headers that not every answer has
        < {"name":"den",…}          the body
        ~ detail: …                 texts for people; «…» stands for them in the body
    bob < {"type":"ack",…}          a frame that bob receives
      $ > parley version            a command; ``<`` is its output, ``!`` its errors
   exit = 0

A header is shown if not every answer of its kind has it, and ``no cache-control`` is shown if
an answer lacks one that all others have. ``http_headers.txt`` has complete heads.

Values that differ from run to run are placeholders: ``<time>``, ``<seconds>``, ``<token-1>``.
Within a file, equal values have equal placeholders. Names and ``seq`` are recorded as they are.

To add one: write a test that takes ``scenario`` (a server shared with other tests: choose names
of users and rooms that no other test uses) or ``scenario_on`` (a server of its own, with
settings), run it with ``--record``, and read what was recorded.
"""
