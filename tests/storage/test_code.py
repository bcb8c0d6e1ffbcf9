"""Which code decides which results: edits in a copy of the package, and the stages that are stale by them."""

import ast
import importlib
import shutil
import time
from pathlib import Path

import pytest

import movrecon_core
from movrecon_core.encoders.checkpoints import encoder_class
from movrecon_core.errors import ProfileError
from movrecon_core.stimuli import synthetic_movie
from movrecon_core.storage.code import Code, name_of
from movrecon_core.storage.paths import NOTEBOOKS, PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.sources import APART, MEMBERS, code_of, notebook_code
from movrecon_core.study.stages import STAGES
from movrecon_core.study.study import Study

PACKAGE = Path(movrecon_core.__file__).parent
STUDY = Study(Path("none"), load_profile("smoke", PROFILES), (), "fold:0")
"""Its encoders are factorised, with a DwiseNeuro beside them."""
ROOTS = {
    stage.name: [name_of(stage.perform), *(name_of(encoder_class(name)) for name in stage.architectures(STUDY))]
    for stage in STAGES
} | {"stimuli": [name_of(synthetic_movie)]}

ALL = {stage.name for stage in STAGES}
OTHER = {"other-encoder", "encoder-qualities", "other-reconstructions"}
WITHOUT = {"showings", "unshared", "recordings", "decoders", "physiology"}
"""What asks no encoder, where the neurons are those of a simulation."""
OWN = ALL - WITHOUT - {"other-encoder", "other-reconstructions"}
TRAINED = {"encoders", "other-encoder", "planning"}
FOUND = {"reconstructions", "other-reconstructions", "other-methods", "planning"}
GUIDED = {"reconstructions", "other-methods", "planning"}

EDITS = [
    # file, what is there, what comes in its place, and what is stale then
    (
        "study/stages/masks.py",
        "FIRST_FRAME, SEGMENT_FRAMES = 50,",
        "FIRST_FRAME, SEGMENT_FRAMES = 51,",
        {"masks", "recordings"},
    ),
    ("study/stages/masks.py", 'label="masks"', 'label="transparency masks"', set()),
    ("analysis/encoder_quality.py", "np.mean(found, axis=0)", "np.median(found, axis=0)", {"evaluations"}),
    ("study/stages/evaluations.py", 'part="encoders"', 'part="evaluations"', set()),
    (
        "analysis/metrics.py",
        "def neuron_correlation(",
        "def neuron_correlation(*_, ",
        {"planning"},
    ),
    (
        "analysis/streams.py",
        "self._frames += x.shape[1]",
        "self._frames += 1",
        {"evaluations", "encoder-qualities", "populations"},
    ),
    ("analysis/mixed.py", "import numpy as np", "import numpy as np\nx = 1", set()),
    ("recordings/checks.py", "MINIMAL_FRAMES = 82", "MINIMAL_FRAMES = 83", {"recordings"}),
    ("recordings/checks.py", "MINIMAL_FRAMES = 82", "MINIMAL_FRAMES = 82  # of a stack and more\nUNUSED = 1", set()),
    (
        "recordings/folds.py",
        "HASHED_FRAMES = 5",
        "HASHED_FRAMES = 6",
        {"recordings"},
    ),
    (
        "recordings/writer.py",
        "GREY_LEVELS = 256",
        "GREY_LEVELS = 255",
        set(),
    ),
    ("study/conditions.py", "SHUFFLED = Condition(shuffled=True)", "SHUFFLED = Condition(mask='none')", set()),
    (
        "study/conditions.py",
        '"standard": 0.5',
        '"standard": 0.6',
        {"reconstructions", "other-reconstructions", "other-methods", "planning", "responses", "showings"},
    ),
    (
        "study/targets.py",
        "_SEED_STEP = 1_000_003",
        "_SEED_STEP = 1_000_005",
        {"reconstructions", "other-reconstructions", "other-methods"},
    ),
    (
        "study/trials.py",
        "known[list(recording.missing[signal])] = 0",
        "known[list(recording.missing[signal])] = 1",
        {"receptive_fields", "populations", "reconstructions", "other-reconstructions", "other-methods", "physiology"},
    ),
    ("study/study.py", 'return f"mouse {self', 'return f"animal {self', set()),
    ("study/profile.py", "instances: int = Field(default=7", "instances: int = Field(default=8", set()),
    ("reconstruction/memory.py", "CPU_FRAMES = 4,", "CPU_FRAMES = 8,", set()),
    ("encoders/loss.py", "LOG_OFFSET = 1e-8", "LOG_OFFSET = 1e-7", FOUND | TRAINED | {"responses"}),
    ("reconstruction/config.py", "NORM_OFFSET = 1e-6", "NORM_OFFSET = 1e-5", FOUND | {"masks"}),
    ("reconstruction/ensemble.py", "SMOOTHING = 0.5", "SMOOTHING = 0.6", {"responses", "showings", "baselines"}),
    ("decoders/ridge.py", "INTERCEPT = 1.0", "INTERCEPT = 2.0", GUIDED | {"decoders", "baselines"}),
    ("study/run/schedulers/run.py", "PATIENCE = 5.0", "PATIENCE = 50.0", set()),
    ("stimuli/gaussian_noise.py", "FRAMES = 60", "FRAMES = 61", {"stimuli"}),
    ("encoders/factorised.py", "GREY, CONTRAST = 127.5,", "GREY, CONTRAST = 127.0,", OWN),
    ("encoders/kernels.cpp", "//", "// changed:", OWN | OTHER),
    ("encoders/segments.py", "def cutmix(", "def cutmix(*_, ", TRAINED),
    ("encoders/segments.py", '"""', '"""More words. ', set()),
    ("encoders/base.py", "import copy", "import copy\ncopy.changed = True", ALL - {"recordings", "decoders"}),
]


def stale(package: Path, before: dict[str, str]) -> set[str]:
    return {name for name, code in fingerprints(package).items() if code != before[name]}


def fingerprints(package: Path) -> dict[str, str]:
    code = Code({"movrecon_core": package}, APART, MEMBERS)
    return {name: code.fingerprint(*roots) for name, roots in ROOTS.items()}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return fingerprints(PACKAGE)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGE, tmp_path / "movrecon_core", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.mark.parametrize(("file", "old", "new", "expected"), EDITS, ids=[f"{e[0]}: {e[2][:40]}" for e in EDITS])
def test_an_edit_makes_stale_what_it_decides(
    package: Path, before: dict[str, str], file: str, old: str, new: str, expected: set[str]
) -> None:
    path = package / file
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    assert stale(package, before) == expected


def test_a_new_file_makes_nothing_stale(package: Path, before: dict[str, str]) -> None:
    (package / "encoders" / "another.py").write_text("def another(): ...\n")
    assert stale(package, before) == set()


def test_comments_and_docstrings_make_nothing_stale(package: Path, before: dict[str, str]) -> None:
    """Every file anew from its syntax tree, which has no comments and no layout, without its docstring."""
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tree.body = tree.body[ast.get_docstring(tree) is not None :]
        path.write_text(ast.unparse(tree), encoding="utf-8")
    assert stale(package, before) == set()


def test_all_fingerprints_take_a_second_at_most() -> None:
    started = time.process_time()
    fingerprints(PACKAGE)
    assert time.process_time() - started < 4  # of a processor, on a slow machine


def test_studies_and_workers_have_the_names_that_the_closure_knows() -> None:
    """`MEMBERS` finds what is taken from a study by the variable's name: an argument of that class must have it."""
    for file in (PACKAGE / "study").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
                name = {"Study": "study", "Worker": "work"}.get(node.annotation.id)
                assert name in (None, node.arg), f"{file.name}, line {node.lineno}: {node.arg}"
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr == "study":
                assert [target.id for target in node.targets if isinstance(target, ast.Name)] == ["study"]


def write(folder: Path, **files: str) -> dict[str, Path]:
    """A package `p` of some modules."""
    (folder / "p").mkdir(exist_ok=True)
    for name, content in {"__init__": "", **files}.items():
        (folder / "p" / f"{name}.py").write_text(content)
    return {"p": folder / "p"}


def test_the_closure_follows_names_through_imports(tmp_path: Path) -> None:
    packages = write(
        tmp_path,
        __init__="from p.low import late as handed_on\n",
        low="X = 1\nY = X + 1\nZ = 3\ndef late(): return Y\nclass Kind:\n    z: 'Other'\nclass Other: ...\n",
        top=(
            "import p.low as low\nfrom p import handed_on, side\n"
            "def direct(): return low.X\ndef handed(): return handed_on()\n"
            "def typed(kind: low.Kind): return kind\ndef within():\n    from .side import W\n    return W\n"
            "def whole(): return side\n"
        ),
        side="import p.low\np.low.CHANGED = True\nW = 5\nV = 6\n",
    )
    code = Code(packages)

    def reached(function: str) -> set[str]:
        return {name for name in code.closure(f"p.top:{function}") if not name.endswith(">")} - {f"p.top:{function}"}

    assert reached("direct") == {"p.low:X"}
    assert reached("handed") == {"p.low:late", "p.low:Y", "p.low:X"}
    assert reached("typed") == {"p.low:Kind", "p.low:Other"}
    assert reached("within") == {"p.side:W"}
    assert reached("whole") == {"p.side:W", "p.side:V"}
    assert "CHANGED" in code.closure("p.top:within")["p.side:<import>"]


def test_an_encoder_of_another_package_counts_with_its_own_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").write_text("")
    (tmp_path / "lab" / "layers.py").write_text("GAIN = 2\nUNUSED = 3\n")
    (tmp_path / "lab" / "model.py").write_text("from lab.layers import GAIN\nclass Model:\n    gain = GAIN\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def code() -> str:
        return Code({"lab": tmp_path / "lab"}).fingerprint("lab.model:Model")

    first = code()
    assert code_of(importlib.import_module("lab.model").Model)
    (tmp_path / "lab" / "layers.py").write_text("GAIN = 2\nUNUSED = 4\n")
    assert code() == first
    (tmp_path / "lab" / "layers.py").write_text("GAIN = 3\nUNUSED = 4\n")
    assert code() != first


def test_code_without_a_source_is_an_error() -> None:
    names: dict[str, type] = {}
    exec("class Typed: ...", {"__name__": "typed_into_a_notebook"}, names)
    with pytest.raises(ProfileError, match="put the encoder into a module"):
        code_of(names["Typed"])


def test_a_notebook_depends_on_what_it_uses(package: Path) -> None:
    first = notebook_code(NOTEBOOKS / "fig2_performance.ipynb")
    assert first != notebook_code(NOTEBOOKS / "encoders.ipynb")
    assert first == notebook_code(NOTEBOOKS / "fig2_performance.ipynb")
