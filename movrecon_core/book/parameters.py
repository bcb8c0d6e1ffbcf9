"""Parameters of notebooks, checked before anything is computed."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from movrecon_core.errors import ProfileError
from movrecon_core.storage.files import notebook_cells
from movrecon_core.storage.paths import NOTEBOOKS, require_repository
from movrecon_core.study.profile import Profile
from movrecon_core.study.settings import suggestion


def check_notebooks(profile: Profile) -> None:
    """Find a misspelt notebook or parameter before hours of computing, not after.

    Raises
    ------
    ProfileError
        If a notebook is not there, or has no such parameter.
    """
    require_repository()
    known = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    for name, parameters in profile.notebooks.items():
        if name not in known:
            raise ProfileError(f"profile '{profile.name}': no notebook '{name}'; found {', '.join(known)}")
        check_parameters(NOTEBOOKS / f"{name}.ipynb", {**parameters, "results": "", "figures": ""})


def check_parameters(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Stop where a parameter is none of the notebook's: papermill would only warn and run with the default.

    Raises
    ------
    ProfileError
        Names the parameter and the closest one that exists.
    """
    known = notebook_parameters(notebook)
    for name in parameters:
        if name not in known:
            raise ProfileError(f"{notebook.name}: unknown parameter '{name}'; {suggestion(name, list(known))}")


def notebook_parameters(notebook: Path) -> dict[str, Any]:
    """Names and defaults in the cell of a notebook that is tagged ``parameters``.

    Raises
    ------
    ProfileError
        If the notebook is missing, unreadable, or its parameters are not literals.
    """
    try:
        cells = notebook_cells(notebook)
    except FileNotFoundError:
        raise ProfileError(f"{notebook}: no such notebook") from None
    except (OSError, ValueError) as error:
        raise ProfileError(f"{notebook}: not a readable notebook ({error})") from None
    tagged = [cell["source"] for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    try:
        assignments = [node for source in tagged for node in ast.parse(source).body]
        return {node.targets[0].id: ast.literal_eval(node.value) for node in assignments}
    except (SyntaxError, ValueError, AttributeError) as error:
        raise ProfileError(f"{notebook}: the parameters cell may hold only `name = literal` ({error})") from None
