"""Files of another format than a recording's, each with the command that makes it one."""

from pathlib import Path

_MATLAB = "from scipy.io import loadmat; "
_READING = {
    ".npz": ("", "next(iter(np.load(f).values()))"),
    ".mat": (_MATLAB, "next(v for k, v in loadmat(f).items() if k[0] != '_')"),
}
"""Imports, and the first array of a file `f`."""
CONVERTED = tuple(_READING)
"""Endings of the files that `conversion` knows."""
_OLDER_MATLAB = " (files that MATLAB wrote with -v7.3 it has to save again, with -v7)"


def conversion(folder: Path, pattern: str, text: bool = False) -> str:
    """What to do with files of another format: a command that writes each one's array beside it as .npy.

    Parameters
    ----------
    folder, pattern
        Where they lie, and which of its files they are, such as ``*.mat``.
    text
        Whether they hold names in place of numbers; MATLAB has them in cells.
    """
    ending = Path(pattern).suffix
    imports, array = _READING[ending]
    if text and ending == ".mat":
        array = f"[str(np.squeeze(t)) for t in np.ravel({array})]"
    saved = f"[np.save(f.with_suffix('.npy'), {array}) for f in Path({str(folder)!r}).glob({pattern!r})]"
    older = _OLDER_MATLAB if ending == ".mat" else ""
    return f'python -c "from pathlib import Path; import numpy as np; {imports}{saved}"{older}'
