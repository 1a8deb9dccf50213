"""
``make test-hard``: tests at sizes that take too long to run for every change.

    properties  every property test with ten times the examples, others each time
    kills       a server that is killed 1,000 times, and restarted 100 times, while clients write
    power       the disks that 10,500 power losses may leave, made from a log of what was written
    torture     parley torture with 50 kills
    postgres    a PostgreSQL that crashes, hangs, is locked, cuts or refuses connections
    nodes       two nodes, one killed 50 times; and once while 100,000 messages go into one room
    websocket   the 517 cases of Autobahn's TestSuite, where its wstest is installed
    faults      a full disk, a clock that jumps, no descriptors, a restore or a move that is killed
    disk        a disk that fails to write or to sync: at random, and at each operation in turn
    floods      hostile peers of twelve kinds: others are answered in time, and memory stays
    crowds      10,000 joins while others write, 1,000 reconnects at once, 50 slow readers of 200
    bad-input   33,000 fixed bad inputs and 100,000 generated ones: each is answered as documented
    soak        a mixed load for two hours, or --minutes: memory, descriptors and tasks stay flat
    browser     two people use every feature of the web client while its server is killed 20 times;
                no task of a page takes over 50 ms in a long room, and memory stays
    delivery    10,000 connections of the Python SDK break, and 1,000 of the JavaScript SDK
    move        1,000,000 events moved while 50 clients talk: none lost, none doubled
    timing      the time of an answer tells nothing about hidden rooms, or about user names
    load        what make test runs, 20 times beside two busy loops: no test depends on speed

A proof runs in rounds, and each round has a time limit. A failing round ends its proof.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-m", "pytest", "-q")
DEFAULT = "not slow and not crash and not hard"
"""What ``make test`` runs."""

IN_PARALLEL = ("-n", "auto", "--dist", "worksteal")


@dataclass(frozen=True)
class Proof:
    """Something to run, several times."""

    command: Sequence[str]
    limit_minutes: float
    """After which a round has failed; with ``minutes_variable``, what is added to its length."""
    rounds: int = 1
    busy_loops: int = 0
    """Processes beside it that use as much of the machine as they can get."""
    environment: dict[str, str] = field(default_factory=dict)
    minutes_variable: str = ""
    """The environment variable that says how long a round lasts: it takes ``--minutes``."""


PROOFS = {
    "properties": Proof(
        [*PYTEST, *IN_PARALLEL, "-m", "hypothesis", "--timeout", "3600"],
        limit_minutes=60,
        environment={"HYPOTHESIS_PROFILE": "thorough"},
    ),
    "kills": Proof([*PYTEST, "-m", "hard", "tests/crash/test_kill.py"], limit_minutes=120),
    "power": Proof(
        [*PYTEST, "-n0", "-m", "hard", "tests/crash/test_power_loss.py"], limit_minutes=30
    ),
    "torture": Proof([*PYTEST, "-m", "hard", "tests/crash/test_torture.py"], limit_minutes=40),
    "postgres": Proof(
        [
            *(*PYTEST, "-m", "hard"),
            "tests/crash/test_postgres_faults.py",
            "tests/crash/test_postgres_locks.py",
        ],
        limit_minutes=60,
    ),
    "nodes": Proof(
        [*PYTEST, "-n0", "-s", "-m", "hard", "tests/crash/test_node_kills.py"], limit_minutes=60
    ),
    "websocket": Proof(
        [*PYTEST, "-m", "hard", "tests/transport/test_autobahn.py"], limit_minutes=120
    ),
    "faults": Proof(
        [
            *(*PYTEST, "-n0", "-m", "crash"),
            *("tests/crash/test_faults.py", "tests/crash/test_restore_kill.py"),
            "tests/crash/test_move_kill.py",
        ],
        limit_minutes=20,
    ),
    "disk": Proof(
        [*PYTEST, "-n0", "-m", "hard", "tests/crash/test_io_faults.py"], limit_minutes=40
    ),
    "floods": Proof(
        [*PYTEST, "-n0", "-s", "-m", "hard", "tests/crash/test_floods.py"], limit_minutes=15
    ),
    "crowds": Proof(
        [
            *(*PYTEST, "-n0", "-m", "hard", "tests/crash/test_joins.py"),
            *("tests/crash/test_reconnect_storm.py", "tests/crash/test_slow_readers.py"),
        ],
        limit_minutes=40,
    ),
    "bad-input": Proof([*PYTEST, "-n0", "-m", "hard", "tests/crash/bad_input"], limit_minutes=40),
    "soak": Proof(
        [*PYTEST, "-n0", "-m", "hard", "tests/crash/test_soak.py"],
        limit_minutes=15,
        environment={"SOAK_MINUTES": "120"},
        minutes_variable="SOAK_MINUTES",
    ),
    "browser": Proof([*PYTEST, "-n0", "-m", "hard", "tests/web"], limit_minutes=40),
    "delivery": Proof(
        [
            *(*PYTEST, "-n0", "-m", "hard"),
            "tests/client/test_delivery.py",
            "tests/javascript/test_delivery.py",
        ],
        limit_minutes=60,
    ),
    "move": Proof(
        [*PYTEST, "-n0", "-s", "-m", "hard", "tests/crash/test_live_move.py"], limit_minutes=60
    ),
    "timing": Proof(
        [
            *(*PYTEST, "-n0", "-m", "hard"),
            *("tests/api/test_hidden_rooms_timing.py", "tests/api/test_auth_timing.py"),
        ],
        limit_minutes=30,
    ),
    "load": Proof(
        [*PYTEST, *IN_PARALLEL, "-m", DEFAULT], limit_minutes=15, rounds=20, busy_loops=2
    ),
}


def main() -> int:
    """Run the chosen proofs; 1 if one has failed."""
    parser = argparse.ArgumentParser(
        prog="make test-hard", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help=f"of {', '.join(PROOFS)}; all")
    parser.add_argument("--rounds", type=int, help="how often to run each proof")
    parser.add_argument("--minutes", type=float, help="begin rounds of each proof for so long")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.proofs if name not in PROOFS]:
        parser.error(f"there is no proof named {unknown[0]}; there are {', '.join(PROOFS)}")
    names = chosen.proofs or list(PROOFS)
    failed = [name for name in names if not holds(name, chosen.rounds, chosen.minutes)]
    print(f"Failed: {', '.join(failed)}." if failed else f"Passed: {', '.join(names)}.")
    return bool(failed)


def holds(name: str, rounds: int | None, minutes: float | None) -> bool:
    """Run rounds of a proof until one fails, or enough have passed."""
    proof, began, done = PROOFS[name], time.monotonic(), 0
    if proof.minutes_variable:
        length = float(minutes or proof.environment[proof.minutes_variable])
        proof = replace(
            proof,
            environment={**proof.environment, proof.minutes_variable: str(length)},
            limit_minutes=proof.limit_minutes + length,
        )
        minutes = None

    def goes_on() -> bool:
        if minutes is not None and rounds is None:
            return done == 0 or time.monotonic() - began < minutes * 60
        return done < (rounds or proof.rounds)

    with busy(proof.busy_loops):
        while goes_on():
            done += 1
            at = time.monotonic()
            passed = run_round(proof)
            seconds = time.monotonic() - at
            said = "passed" if passed else "failed"
            print(f"== {name}: round {done} {said} after {seconds:.0f} s", flush=True)
            if not passed:
                return False
    return True


def run_round(proof: Proof) -> bool:
    """Run it once; ends what it has started if the time is over."""
    environment = {**os.environ, **proof.environment}
    process = subprocess.Popen(proof.command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        return process.wait(proof.limit_minutes * 60) == 0
    except subprocess.TimeoutExpired:
        print(f"Not done after {proof.limit_minutes:g} minutes.")
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processes busy until the block ends."""
    processes = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
