"""What `pyproject.toml` cannot say: a wheel holds the notebooks, profiles and pages, as `movrecon_core/shipped/`."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = {
    "profiles": "*.yaml",
    "notebooks": "*.ipynb",
    "jupyter-book": "**/*",
    "benchmarks": "*.json",
    "example": "**/*",
}
"""Folders of the repository that the command reads, and which of their files."""


class BuildWithShipped(build_py):
    """Copies them; an editable installation reads the clone itself."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        here = Path(__file__).parent
        for folder, pattern in SHIPPED.items():
            for file in (here / folder).glob(pattern):
                parts = file.relative_to(here).parts
                if file.is_file() and not {"_build", "__pycache__"} & set(parts):
                    target = Path(self.build_lib, "movrecon_core", "shipped", *parts)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithShipped})
