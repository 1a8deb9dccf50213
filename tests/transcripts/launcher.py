"""
Runs ``parley`` commands as forks of one process that has imported everything once.

Starting Python with all that the command imports takes some seconds; a fork takes none. What
runs in the fork is ``python -m app`` with the arguments, environment, folder and files that
were asked for. Run as a script by :mod:`tests.transcripts.processes`: a line of JSON comes in
for each request, and one goes out as its answer.
"""

import atexit
import json
import os
import runpy
import signal
import sys
from contextlib import suppress
from typing import Any, TextIO


def warm_up() -> None:
    """Import what the command imports."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["parley", "--help"]
    with suppress(SystemExit):
        runpy.run_module("app", run_name="__main__", alter_sys=True)
    sys.stdout.flush()
    os.dup2(out, 1)
    os.close(out)


def become(asked: dict[str, Any]) -> None:
    """Be the process that was asked for. Ends as the command ends."""
    os.setpgid(0, 0)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, (name, how) in enumerate(
        (
            ("stdin", os.O_RDONLY),
            ("stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
            ("stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        )
    ):
        file = os.open(asked[name], how, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["parley", *asked["arguments"]]
    code: object = None
    try:
        runpy.run_module("app", run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        code = exc.code
        if not isinstance(code, int | None):
            raise
    # The way out of Python, but for taking every module apart: that takes ten times as long
    # as most commands.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def main(requests: TextIO, answers: TextIO) -> None:
    """Fork and wait, as asked, until there is nothing more to read."""
    warm_up()
    children: set[int] = set()
    for line in requests:
        asked = json.loads(line)
        if "wait" in asked:
            pid, status = os.waitpid(asked["wait"], os.WNOHANG)
            code = os.waitstatus_to_exitcode(status) if pid else None
            children.discard(pid)
            answer = {"code": code}
        else:
            pid = os.fork()
            if pid == 0:
                requests.close()
                answers.close()
                become(asked)
                return
            children.add(pid)
            answer = {"pid": pid}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(os.fdopen(int(sys.argv[1])), os.fdopen(int(sys.argv[2]), "w"))
