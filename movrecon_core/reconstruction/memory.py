"""How many stacks go through an encoder at once, so that they fit the memory."""

from collections.abc import Callable

import torch

from movrecon_core.encoders.base import Encoder
from movrecon_core.errors import ReconstructionError

CPU_STACKS, CPU_FRAMES = 4, 600
"""On a CPU, of encoders that see stacks and of those that see any length: more are not faster, and take memory."""
USED_MEMORY = 0.8
"""Share of a GPU's free memory that may be filled."""


def cpu_stacks(encoder: Encoder, frames: int) -> int:
    """Stacks in one pass through an encoder on a CPU, where windows have so many frames."""
    if encoder.stack_frames is not None:
        return CPU_STACKS
    return max(1, CPU_FRAMES // frames) * encoder.stack_step


class WithinMemory:
    """Calls work with the largest batch that fits.

    Parameters
    ----------
    batch
        Most stacks at once; None: decided by `probe` on a GPU, which must be one.
    device
        Where the work is done.
    window_stacks
        Stacks of one window: the smallest batch.
    probe
        Takes a batch and needs as much memory as the work, but changes nothing.
    """

    def __init__(
        self, batch: int | None, device: torch.device, window_stacks: int, probe: Callable[[int], object]
    ) -> None:
        self.device = device
        self.smallest = window_stacks
        self.probe = probe
        self.batch = batch

    def call(self, work: Callable[[int], None]) -> None:
        """Call ``work(batch)``, again with half the batch where the memory was too small.

        Raises
        ------
        ReconstructionError
            If not even one window fits.
        """
        while True:
            try:
                if self.batch is None:
                    self.batch = self._measured()
                return work(self.batch)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                if self.batch is None or self.batch <= self.smallest:
                    raise ReconstructionError(
                        f"one window does not fit the memory of {self.device}: lower reconstruction.window_frames, "
                        "set reconstruction.precision to bfloat16, or use a larger device"
                    ) from None
                self.batch = max(self.smallest, self.batch // 2)
            torch.cuda.empty_cache()

    def _measured(self) -> int:
        """Stacks that fit, from what one window at a time takes."""
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self.probe(self.smallest)
        taken = torch.cuda.max_memory_allocated(self.device) - before
        free = torch.cuda.mem_get_info(self.device)[0] + torch.cuda.memory_reserved(self.device) - before
        return max(1, int(USED_MEMORY * free / max(taken, 1))) * self.smallest


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
