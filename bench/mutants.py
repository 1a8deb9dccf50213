"""
``python -m bench.mutants`` (``make mutants``): mutation testing of the core modules.

mutmut changes one small thing at a time, in a copy of the checkout, and runs the tests that
call the changed function. A mutant that no test fails for has survived: either the change is
equivalent, or a test is missing.

Each run tries a random sample of mutants against two selections of tests: ``mirror``, the test
files named after the module, and ``default``, what ``make test`` runs. The sample depends on the
code and the seed alone.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from bench.mutation_scores import SURVIVED, Score, Survivor, print_scores, print_survivors, save
from bench.mutation_targets import Target

_PATHS = (
    "app/domain:180",
    "app/services/log/batch_transaction.py",
    "app/services/log/committer.py",
    "app/realtime/feed.py",
    "app/realtime/room_feed.py",
    "app/realtime/joins.py",
    "app/realtime/replay.py",
    "app/realtime/hub.py",
)
_ROOT = Path(__file__).parent.parent
_SOURCE = "app"

# Folders whose tests start other processes or test other code: they don't run the mutants, or
# take seconds each.
_LEFT_OUT = {"bench", "crash", "docs", "harness", "torture", "web"}

_CONFIG = """\
[mutmut]
source_paths=
    {source}
only_mutate=
    {mutated}
also_copy=
    {copied}
pytest_add_cli_args=
    -m
    {marks}
    --timeout={seconds}
    --timeout-method=thread
    -pno:cacheprovider
pytest_add_cli_args_test_selection=
    {tests}
timeout_multiplier=8.0
timeout_constant=10.0
"""


@dataclass(frozen=True)
class Run:
    """One selection of tests, and the targets whose mutants it runs against."""

    tests: str
    targets: Sequence[Target]
    selection: Sequence[Path]
    marks: str


def main() -> int:
    """Run what the arguments ask for. Returns 1 if mutmut failed."""
    chosen = _arguments()
    os.nice(19)
    scores: list[Score] = []
    survivors: list[Survivor] = []
    with _copy_of_checkout() as copied:
        targets = [_target(text, chosen.sample) for text in chosen.paths or _PATHS]
        samples = {target: sample(target, chosen.seed) for target in targets}
        if chosen.only:
            left = {
                survivor["name"] for survivor in json.loads(chosen.only.read_text())["survivors"]
            }
            samples = {t: [name for name in names if name in left] for t, names in samples.items()}
        targets = [target for target in targets if samples[target]]
        try:
            for run in _runs(targets, chosen):
                names = [name for target in run.targets for name in samples[target]]
                statuses, diffs = _try(run, names, copied, chosen.jobs, chosen.timeout)
                found = [Score.of(t.path, run.tests, samples[t], statuses) for t in run.targets]
                print_scores(found)
                scores += found
                survivors += [Survivor(name, run.tests, diff) for name, diff in diffs.items()]
                if chosen.output:
                    save(chosen.output, scores, survivors)
        except subprocess.CalledProcessError as exc:
            print(f"{exc.stdout}\nmutmut failed, see above.", file=sys.stderr)
            return 1
    print_survivors(survivors)
    return 0


def sample(target: Target, seed: int) -> list[str]:
    """Names of the mutants to try: the same for the same code and seed."""
    names = []
    for file in target.files:
        mutated = mutate_file_contents(str(file), file.read_text())
        names += [get_mutant_name(file, name) for name in mutated.mutant_names]
    names.sort()
    return sorted(random.Random(seed).sample(names, min(target.sample, len(names))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH[:N]", help="modules or folders, each with its sample")
    add("--sample", type=int, default=50, help="mutants of a path without :N")
    add("--seed", type=int, default=9, help="chooses the sample")
    add("--tests", choices=("mirror", "default"), help="only this selection of tests")
    add("--only", type=_absolute, metavar="FILE", help="only what survived in this --output")
    add(
        "--among", nargs="+", type=Path, metavar="TEST", help="the tests that default chooses from"
    )
    add(
        "--marks",
        default="not slow and not crash and not hard",
        help="what make test passes to pytest's -m",
    )
    add(
        "--mirror-marks",
        default="not crash and not hard",
        help="the same for the module's own tests",
    )
    add("--timeout", type=int, default=40, help="seconds after which a test counts as hanging")
    add("--jobs", type=int, default=2, help="mutants at a time")
    add("--output", type=_absolute, metavar="FILE", help="write the result as JSON, too")
    return parser.parse_args()


def _absolute(path: str) -> Path:
    return Path(path).absolute()


def _target(text: str, sample_size: int) -> Target:
    path, _, size = text.partition(":")
    if not Path(path).exists():
        raise SystemExit(f"There is no {path}.")
    return Target(Path(path), int(size or sample_size))


def _runs(targets: Sequence[Target], chosen: argparse.Namespace) -> Iterator[Run]:
    # A run for each target: the tests of one module must not count for another.
    if chosen.tests != "default":
        for target in targets:
            if not target.mirror:
                raise SystemExit(f"No test file is named after {target.path}.")
            yield Run("mirror", [target], target.mirror, chosen.mirror_marks)
    if chosen.tests != "mirror" and targets:
        folders = [folder for folder in Path("tests").iterdir() if folder.is_dir()]
        wanted = sorted(f for f in folders if f.name not in _LEFT_OUT and any(f.glob("test_*")))
        yield Run("default", targets, chosen.among or wanted, chosen.marks)


@contextmanager
def _copy_of_checkout() -> Iterator[list[str]]:
    """Change to a copy of what git would commit. Yields its top-level names but the code's."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    files = [Path(file) for file in listed.splitlines() if (_ROOT / file).exists()]
    # mutmut follows no link inside the code.
    links = {str(file) for file in files if (_ROOT / file).is_symlink()}
    with tempfile.TemporaryDirectory(prefix="mutants-") as copy, chdir(copy):
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_ROOT / file, file, follow_symlinks=False)
        Path("setup.cfg").write_text(f"[mutmut]\nsource_paths={_SOURCE}\n")
        yield sorted({file.parts[0] for file in files} - {_SOURCE} | links)


def _try(
    run: Run, names: Sequence[str], copied: Sequence[str], jobs: int, seconds: int
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Returns the status of every mutant, and the diffs of those that survived."""
    config = _CONFIG.format(
        source=_SOURCE,
        mutated="\n    ".join(str(file) for target in run.targets for file in target.files),
        copied="\n    ".join(copied),
        marks=run.marks,
        seconds=seconds,
        tests="\n    ".join(map(str, run.selection)),
    )
    Path("setup.cfg").write_text(config)
    shutil.rmtree("mutants", ignore_errors=True)
    _mutmut("run", "--max-children", str(jobs), *names)
    lines = _mutmut("results", "--all", "true").splitlines()
    statuses = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    survived = [name for name in names if statuses[name] in SURVIVED]
    return statuses, {name: _mutmut("show", name) for name in survived}


def _mutmut(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    ran = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
