"""Kernels that need not import anything: each is a copy of one process that has everything loaded.

What a notebook imports takes longer than what it computes and draws. On Linux one process imports it, once, and every
kernel is forked from that process; elsewhere, where a fork of such a process is not safe, kernels start as usual.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import write_kernel_spec
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from movrecon_core.process import end_with_parent

FORKED = sys.platform == "linux"
NAME = "movrecon-forked"
LOADED = "movrecon_core.book.loaded"
"""Module that imports what notebooks import."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Kernels work beside each other; and a process that has started threads must not be forked."""


class ForkedKernel:
    """The process of a forked kernel, as `LocalProvisioner` uses one of `subprocess`."""

    stdin = stdout = stderr = None

    def __init__(self, command: list[str], environment: dict[str, str], folder: str) -> None:
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=_run, args=(command, environment, folder), daemon=True)
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Exit status, once it has ended."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class ForkedProvisioner(LocalProvisioner):
    """Starts kernels as forks of the process that has everything loaded."""

    process: ForkedKernel | None  # type: ignore[assignment]

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel that `cmd`, ``python -m ipykernel_launcher -f FILE ...``, would start."""
        folder = str(kwargs.get("cwd") or Path.cwd())
        kernel = ForkedKernel(cmd[cmd.index("-f") :], dict(kwargs["env"]), folder)
        self.process, self.pid, self.pgid, self.cwd = kernel, kernel.pid, None, folder
        return self.connection_info


@cache
def only_own_kernels() -> None:
    """Let kernels be this interpreter, without start-up files of the user, whatever kernels are registered.

    For as long as the process lasts: it is told to Jupyter through the environment.
    """
    folder = tempfile.TemporaryDirectory(prefix="movrecon-kernels-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    write_kernel_spec(Path(folder.name, "kernels", "python3"))
    # What stands first in this path is found first.
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder.name, os.environ.get("JUPYTER_PATH"))))
    os.environ["IPYTHONDIR"] = folder.name


@contextmanager
def loaded_kernels() -> Iterator[None]:
    """Kernels that are started meanwhile have everything loaded and use one thread each."""
    before = {name: os.environ.get(name) for name in THREADS}
    factory = KernelProvisionerFactory.instance()
    usual = factory.default_provisioner_name
    os.environ.update(THREADS)
    try:
        if FORKED:
            factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:ForkedProvisioner", factory.GROUP_NAME)
            factory.default_provisioner_name = NAME
            from multiprocessing import forkserver  # not everywhere

            forkserver.set_forkserver_preload([LOADED])
            forkserver.ensure_running()
        yield
    finally:
        factory.default_provisioner_name = usual
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _run(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Be a kernel."""
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()  # what interrupts the run is not for the kernel
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, "")  # as for any kernel: modules beside the notebook
    end_with_parent()
    IPKernelApp.launch_instance(argv=arguments)
