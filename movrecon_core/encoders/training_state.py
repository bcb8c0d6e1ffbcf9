"""The state of a training, written while the training goes on."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from movrecon_core.encoders.checkpoints import save_tensors


class StateWriter:
    """Writes states to one file from a thread; on leaving, the last one is there.

    Parameters
    ----------
    path
        The file, replaced by each state.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, "training-state")
        self._writing: Future[None] | None = None

    def __enter__(self) -> "StateWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True)
        if error is None and self._writing is not None:
            self._writing.result()

    def write(self, state: Mapping[str, Any]) -> None:
        """Begin to write a copy of a state; it is left out while the one before is still being written.

        Raises
        ------
        StoreError
            If the one before could not be written.
        """
        if self._writing is not None:
            if not self._writing.done():
                return
            self._writing.result()
        self._writing = self._thread.submit(save_tensors, self.path, _copied(state))


def _copied(state: Any) -> Any:
    """A copy in the host's memory, which the next steps do not change."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {name: _copied(value) for name, value in state.items()}
    return [_copied(value) for value in state] if isinstance(state, list) else state
