"""Which code decides the units: what their computation reaches by name, of this package and of an encoder's own."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from movrecon_core.errors import ProfileError
from movrecon_core.storage.code import Code, name_of, source_of
from movrecon_core.storage.files import notebook_cells

PACKAGE = "movrecon_core"

APART = frozenset(
    {
        # How results are kept, counted and shown to be under way: no number passes through it changed.
        "movrecon_core.errors",
        "movrecon_core.process",
        "movrecon_core.progress",
        "movrecon_core.storage",
        "movrecon_core.study.provenance",
        # How much is computed at once; a movie's result does not depend on those beside it.
        "movrecon_core.reconstruction.memory",
        # Their values stand in the definitions of the units that they decide.
        "movrecon_core.encoders.precision",
        "movrecon_core.study.profile",
        "movrecon_core.study.settings",
        # Tables that lead to all encoders and all stimuli; a unit's own are added to its definition.
        "movrecon_core.encoders.checkpoints:_ENCODERS",
        "movrecon_core.stimuli:synthetic_movie",
    }
)
"""What cannot change a unit without changing its definition."""

SHOWN_APART = frozenset(name for name in APART if name.count(".") == 1)
"""What cannot change a notebook: how results are kept, but not what is told of where they come from."""

MEMBERS = {
    "study": "movrecon_core.study.study:Study",
    "trials": "movrecon_core.study.trials:Trials",
    "results": "movrecon_core.study.results:Results",
    "asked": "movrecon_core.study.asked:Asked",
    "work": "movrecon_core.study.worker:Worker",
}
"""A stage is given a whole study; only what it takes from it counts. What it reads of other units is in its definition
by their names. Variables that hold a study or a worker are called so, and nothing else is; its parts, such as
``study.asked``, count by member, too."""


@lru_cache
def code_of(*functions: Callable[..., Any]) -> str:
    """Fingerprint of what some functions or classes do; see `Code` for what counts.

    Parameters
    ----------
    functions
        Of this package, or of one that brings an encoder.

    Raises
    ------
    ProfileError
        If their source cannot be found: they were typed into a notebook, perhaps.
    """
    packages = {function.__module__.partition(".")[0] for function in functions}
    try:
        return _code(frozenset(packages)).fingerprint(*map(name_of, functions))
    except (ModuleNotFoundError, ValueError, KeyError) as error:
        raise ProfileError(
            f"the source of {error} is not found, so results of other versions could not be told apart; "
            "put the encoder into a module that can be imported"
        ) from None


def notebook_code(notebook: Path) -> str:
    """Fingerprint of what a notebook uses of this package, besides its own cells."""
    cells = notebook_cells(notebook)
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"].splitlines()]
    program = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    code = Code({PACKAGE: source_of(PACKAGE)}, SHOWN_APART, MEMBERS)
    return code.fingerprint(*code.used_by(program))


@lru_cache
def _code(packages: frozenset[str]) -> Code:
    """The sources as they are when the process first asks: later edits are not what it runs."""
    return Code({name: source_of(name) for name in packages | {PACKAGE}}, APART, MEMBERS)
