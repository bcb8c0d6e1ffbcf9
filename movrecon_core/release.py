"""What a release consists of: `python -m movrecon_core.release RESULTS FOLDER`, or `make release`."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from movrecon_core import __version__
from movrecon_core.errors import MovreconError
from movrecon_core.storage.paths import BOOK_OUT, REPOSITORY


def make_release(results: Path, folder: Path) -> list[Path]:
    """Build wheel, source archive and an archive of a run's book, with the changes of this version and checksums.

    Parameters
    ----------
    results
        Of a finished run.
    folder
        Emptied before.

    Raises
    ------
    MovreconError
        If the run has no book, the changelog no such version, or something does not build.
    """
    book = results / BOOK_OUT
    if not (book / "index.html").is_file():
        raise MovreconError(f"{book}: no book; `movrecon run --out {results}` builds it")
    changes = changes_of(__version__, (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MovreconError(f"the package does not build: {' '.join(done.stderr.split())[-300:]}")
    shutil.make_archive(str(folder / f"movrecon-{__version__}-book"), "zip", results, BOOK_OUT)
    (folder / "CHANGES.md").write_text(changes, encoding="utf-8")
    files = sorted(folder.iterdir())
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return [*files, folder / "SHA256SUMS"]


def changes_of(version: str, changelog: str) -> str:
    """The section of a version.

    Raises
    ------
    MovreconError
        If there is none.
    """
    found = re.search(rf"^## {re.escape(version)}\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)
    if found is None:
        raise MovreconError(f"CHANGELOG.md: no section '## {version}'; name the unreleased changes so")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    try:
        print("\n".join(map(str, make_release(Path(sys.argv[1]), Path(sys.argv[2])))))
    except MovreconError as error:
        sys.exit(f"movrecon: {error}")
