"""Measurements become tables and figures with the numbers of their files."""

import json
from pathlib import Path

from movrecon_core.book.benchmark_pages import BENCHMARKS, benchmark_sections

MEASURED = {
    "title": "How fast",
    "device": "cpu",
    "seconds_per_stack": {"readable": 12.5, "fast": 0.25},
    "achieved": {"readable": {"flops": 1e9, "bytes": 2.0}, "fast": {"flops": 5e10}},
    "curves": {"fast_recorded": {"seconds": [0.1, 0.2], "video_correlation": [0.3, 0.4], "overfits": 2}},
    "video_correlation": {"recorded": [0.1, 0.2], "predicted": [0.2, 0.3]},
}


def test_tables_and_curves(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text(json.dumps(MEASURED))
    text = benchmark_sections(tmp_path, tmp_path)
    assert text.startswith("## How fast")
    assert "| device | cpu |" in text
    assert "| readable | 12.5 |" in text
    assert "|  | flops | bytes |" in text
    assert "| fast | 5e+10 | – |" in text
    for name in ("speed_curves", "speed_video_correlation"):
        assert (tmp_path / f"{name}.png").stat().st_size > 1000
        assert f"figures/{name}.png" in text
    assert ":alt: Curves, one curve for each of: fast recorded." in text


def test_processors_stand_side_by_side(tmp_path: Path) -> None:
    slow = {**MEASURED, "seconds_per_stack": {"readable": 25.0}, "left_out": ["bfloat16: slow"]}
    kinds = {"AVX-512": MEASURED, "AVX2 alone": slow}
    (tmp_path / "speed.json").write_text(json.dumps({"title": "Both", "processors": kinds}))
    text = benchmark_sections(tmp_path, tmp_path)
    assert text.startswith("## Both")
    for row in (
        "|  | AVX-512 | AVX2 alone |",
        "| left out | – | bfloat16: slow |",
        "| readable | 12.5 | 25 |",
        "| fast | 0.25 | – |",
        "| readable, flops | 1e+09 | 1e+09 |",
    ):
        assert row in text
    for number in (0, 1):
        assert (tmp_path / f"speed_curves_{number}.png").stat().st_size > 1000
    assert ":alt: Curves, AVX2 alone, one curve for each of: fast recorded." in text


def test_committed_measurements_are_shown(tmp_path: Path) -> None:
    text = benchmark_sections(tmp_path)
    assert list(BENCHMARKS.glob("*.json"))
    for file in BENCHMARKS.glob("*.json"):
        assert f"benchmarks/{file.name}" in text
    assert "None" not in text
