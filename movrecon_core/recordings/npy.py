"""Arrays of a recording on disk, read without trusting them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.recordings.conversions import CONVERTED, conversion

TIERS_FILE = Path("meta", "trials", "tiers.npy")


def load_array(path: Path, mmap: bool = False) -> NDArray:
    """Read a .npy file without unpickling.

    Raises
    ------
    RecordingError
        If the file is missing, truncated, or not an array of numbers or text.
    """
    if not path.exists():
        others = [path.with_suffix(suffix).name for suffix in CONVERTED if path.with_suffix(suffix).is_file()]
        if others:
            done = conversion(path.parent, others[0], text=path.name == TIERS_FILE.name)
            raise RecordingError(f"{path}: no such file; {others[0]} can be converted: {done}")
        raise RecordingError(f"{path}: no such file")
    if not path.is_file():
        raise RecordingError(f"{path}: not a file")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
        return array if mmap else np.array(array)
    except Exception as error:  # numpy raises anything on a header that it cannot read
        if "Python objects" in str(error):
            kind = "str" if path.name == TIERS_FILE.name else "np.float32"
            mended = f"import numpy as np; f = {str(path)!r}; np.save(f, np.load(f, allow_pickle=True).astype({kind}))"
            raise RecordingError(
                f"{path}: holds Python objects, which are never unpickled here; if you trust the file, convert it: "
                f'python -c "{mended}"'
            ) from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordingError(f"{path}: not a readable .npy file ({reason[:200]})") from None


def read_tiers(file: Path) -> NDArray[np.str_]:
    """Tier of every trial, without blanks around it.

    Raises
    ------
    RecordingError
        If the file is no array of text, or its bytes are not UTF-8.
    """
    tiers = load_array(file)
    if tiers.ndim != 1 or tiers.dtype.kind not in "US" or not tiers.size:
        raise RecordingError(f"{file}: {tiers.dtype} of shape {tiers.shape} in place of one name a trial")
    if tiers.dtype.kind == "S":
        try:
            tiers = np.char.decode(tiers, "utf-8")
        except UnicodeDecodeError:
            mended = f"import numpy as np; f = {str(file)!r}; np.save(f, np.char.decode(np.load(f), 'latin-1'))"
            raise RecordingError(f'{file}: bytes that are not UTF-8; convert them: python -c "{mended}"') from None
    return np.char.strip(tiers)


def missing_tiers(tiers: int, last: int) -> str:
    """What is wrong where the list of tiers ends before the trials do."""
    return f"expected {last + 1} tiers, for trials 0 to {last} as data/ numbers them, found {tiers}"
