"""Tasks on a Dask cluster that is there, or that Slurm starts."""

import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed

from movrecon_core.errors import MovreconError, ProfileError
from movrecon_core.progress import duration
from movrecon_core.storage import LOGS
from movrecon_core.study.run.schedulers.attempts import Outcome, attempt_elsewhere, place_of
from movrecon_core.study.settings import ClusterSettings
from movrecon_core.study.stage import Stage, Task
from movrecon_core.study.study import Study

CONNECTION = 30.0
"""Seconds that one attempt to reach the cluster may take."""
PATIENCE = 900.0
"""Seconds after which a cluster that cannot be reached counts as gone."""


class _LostError(Exception):
    """The cluster forgot its tasks: its scheduler was restarted, or the connection dropped."""


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster.

    Attributes
    ----------
    address
        Of its scheduler: ``tcp://host:port``, ``tls://host:port``.
    device
        Of the encoders; None: what each worker has.
    security
        Dask's, for ``tls``; None: as in Dask's configuration.
    """

    address: str
    device: str | None = None
    security: Any = None

    def run(self, stages: Sequence[Stage], tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
        """Compute tasks as workers become free.

        Workers and scheduler may go and come back: what was lost is computed again, what was stored is not.
        """
        waiting = {f"{task.stage}-{uuid.uuid4().hex}": task for task in tasks}
        place = place_of(study, self.device)
        reached = time.monotonic()
        print(f"{self.address}: connecting", file=sys.stderr)
        while waiting:
            try:
                with distributed.Client(
                    self.address, timeout=CONNECTION, security=self.security, set_as_default=False
                ) as client:
                    try:
                        for key, outcome in _outcomes(client, waiting, place):
                            waiting.pop(key)
                            yield outcome
                    finally:
                        reached = time.monotonic()
            except (OSError, TimeoutError, CancelledError, _LostError) as error:
                if time.monotonic() - reached > PATIENCE:
                    raise MovreconError(
                        f"{self.address}: not reached for {PATIENCE / 60:.0f} minutes ({error}); "
                        "the same command goes on from what was done"
                    ) from None
                left = duration(PATIENCE - (time.monotonic() - reached))
                print(f"{self.address}: not reached; is it the right one? Trying for {left} more", file=sys.stderr)
                waiting = {f"{task.stage}-{uuid.uuid4().hex}": task for task in waiting.values()}
                time.sleep(1)


def _outcomes(client: Any, waiting: dict[str, Task], place: Any) -> Iterator[tuple[str, Outcome]]:
    futures = [client.submit(attempt_elsewhere, task, place, key=key, pure=False) for key, task in waiting.items()]
    for future in distributed.as_completed(futures, loop=client.loop):
        if future.status not in ("finished", "error"):
            raise _LostError(f"task {future.status}")
        error = future.exception()
        if error is None:
            yield future.key, future.result()
        elif isinstance(error, distributed.KilledWorker):
            task = waiting[future.key]
            lost = MovreconError(f"{task.units[0].name}: workers died over it again and again; too little memory?")
            yield future.key, Outcome(task, "failed", lost)
        elif isinstance(error, MovreconError):
            raise error
        else:
            raise MovreconError(f"a worker of {client.scheduler.address} failed: {type(error).__name__}: {error}")


@contextmanager
def slurm_cluster(settings: ClusterSettings, out: Path, device: str | None) -> Iterator[Cluster]:
    """Workers in Slurm jobs, as many as the profile says, while the block runs; traffic is encrypted.

    Parameters
    ----------
    settings
        What each job asks for.
    out
        Folder of the results; the jobs' logs go below it.
    device
        Of the encoders; None: what each job has.

    Raises
    ------
    ProfileError
        If there is no Slurm here.
    """
    if shutil.which("sbatch") is None:
        raise ProfileError("--scheduler slurm: no sbatch here; start the run where jobs can be submitted")
    from dask_jobqueue import SLURMCluster

    logs = out / LOGS / "slurm"
    logs.mkdir(parents=True, exist_ok=True)
    with SLURMCluster(
        queue=settings.queue,
        account=settings.account,
        walltime=settings.walltime,
        cores=1,  # one task at a time
        processes=1,
        job_cpu=settings.cores,
        memory=settings.memory,
        job_extra_directives=[f"--{name}={value}" for name, value in settings.options.items()],
        interface=settings.interface,
        python=sys.executable,
        log_directory=str(logs),
        shared_temp_directory=str(logs),
        protocol="tls://",
        security=True,
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
    ) as cluster:
        cluster.adapt(minimum_jobs=1, maximum_jobs=settings.jobs)
        print(f"slurm: up to {settings.jobs} jobs; dashboard {cluster.dashboard_link}", file=sys.stderr)
        yield Cluster(cluster.scheduler_address, device, cluster.security)
