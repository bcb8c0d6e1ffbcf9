"""Where tasks are computed: in this process, or elsewhere."""

from movrecon_core.study.schedulers.local import run_tasks

__all__ = ["run_tasks"]
