"""The examples of docstrings run, and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

from movrecon_core import analysis, figures

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (analysis, figures)
    for module in pkgutil.iter_modules(package.__path__)
]
WITH_EXAMPLES = {
    "movrecon_core.analysis": {"aliasing", "comparisons", "metrics", "statistics"},
    "movrecon_core.figures": {"comparisons", "images", "levels", "published", "rows"},
}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0
    package, _, module = name.rpartition(".")
    assert found.attempted or module not in WITH_EXAMPLES[package]
