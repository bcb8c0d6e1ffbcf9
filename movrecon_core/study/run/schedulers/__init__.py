"""Where tasks are computed: in this process, on all cores or GPUs of the computer, or on a cluster."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch

from movrecon_core.errors import ProfileError
from movrecon_core.study.profile import Profile
from movrecon_core.study.run.schedulers.local import Local
from movrecon_core.study.run.schedulers.processes import cores, open_processes, within_memory
from movrecon_core.study.run.schedulers.run import Scheduler, run_stages

__all__ = ["Scheduler", "open_scheduler", "require_scheduler", "run_stages"]


def require_scheduler(name: str, out: Path) -> None:
    """Find a scheduler that cannot be used before anything is computed.

    Parameters
    ----------
    name
        ``cores``, ``local``, ``gpus``, ``slurm``, or the address of a Dask scheduler, ``tcp://host:port``.
    out
        Folder of the results, which stands in job scripts.

    Raises
    ------
    ProfileError
        If there is no such scheduler, no GPU, or no Dask, or if a path cannot stand in a job script.
    """
    if name == "gpus" and not torch.cuda.device_count():
        raise ProfileError("--scheduler gpus: no GPU found; use --scheduler local")
    if name == "slurm" or name.startswith(("tcp://", "tls://")):
        if find_spec("distributed") is None or find_spec("dask_jobqueue") is None:
            raise ProfileError("Dask is not installed; pip install -c constraints.txt -e '.[cluster]'")
        if name != "slurm" and not re.fullmatch(r"t(cp|ls)://\S+:\d+", name):
            raise ProfileError(f"--scheduler {name}: expected tcp://HOST:PORT, as the Dask scheduler prints it")
        for path in (str(out), sys.executable) if name == "slurm" else ():
            if not re.fullmatch(r"[\w./+=@,:~-]+", path):
                raise ProfileError(
                    f"--scheduler slurm: {path}: blanks and signs such as # and % cannot stand in job scripts; choose "
                    "a folder whose path has letters, digits and . _ - alone"
                )
    elif name not in ("cores", "local", "gpus"):
        raise ProfileError(f"--scheduler {name}: choose cores, local, gpus, slurm, tcp://HOST:PORT or tls://HOST:PORT")


@contextmanager
def open_scheduler(name: str, profile: Profile, out: Path, device: torch.device | None) -> Iterator[Scheduler]:
    """A scheduler while the block runs.

    Parameters
    ----------
    name
        As for `require_scheduler`.
    profile
        Its cluster settings say what Slurm is asked for.
    out
        Folder of the results.
    device
        Of the encoders; None: what each process has.
    """
    chosen = None if device is None else str(device)
    if name == "slurm":
        from movrecon_core.study.run.schedulers.cluster import slurm_cluster

        with slurm_cluster(profile.cluster, out, chosen) as cluster:
            yield cluster
    elif name == "gpus":
        with open_processes([f"cuda:{i}" for i in range(torch.cuda.device_count())]) as gpus:
            yield gpus
    elif name in ("cores", "local"):
        here = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if name == "local" or here.type != "cpu" or cores() == 1:
            yield Local(here)
        else:
            with open_processes(["cpu"] * within_memory(cores()), cores()) as several:
                yield several
    else:
        from movrecon_core.study.run.schedulers.cluster import Cluster

        yield Cluster(name, chosen)
