"""
Runs ``parley`` commands as forks of one process that has imported the program already.

Starting Python and importing the program takes more than a second, a fork a few milliseconds.
The fork runs ``python -m app``, or another module, with the requested arguments, environment,
folder and files.
:mod:`tests.transcripts.processes` runs this file as a script: each request is a line of JSON,
and so is each answer.
"""

import atexit
import importlib
import json
import os
import runpy
import signal
import sys
from contextlib import suppress
from typing import Any, TextIO


def warm_up() -> None:
    """Import what the program imports."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["parley", "--help"]
    with suppress(SystemExit):
        runpy.run_module("app", run_name="__main__", alter_sys=True)
    # Commands import what they run when they run.
    for command in ("admin_backend", "database", "remote_admin", "serve", "torture"):
        importlib.import_module(f"app.commands.{command}")
    sys.stdout.flush()
    os.dup2(out, 1)
    os.close(out)


def become(asked: dict[str, Any]) -> None:
    """Run the requested command in this process. Returns only if the command raises."""
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
    sys.argv = [asked["module"], *asked["arguments"]]
    code = 0
    try:
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        if isinstance(exc.code, str):
            raise
        code = exc.code or 0
    # Exit as Python does, without tearing down the modules: that takes ten times as long as
    # most commands.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(requests: TextIO, answers: TextIO) -> None:
    """Serve requests until there are no more."""
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
