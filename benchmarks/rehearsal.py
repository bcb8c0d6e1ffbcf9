"""What a rehearsal projects, stage by stage, against what the whole study then takes.

    python benchmarks/rehearsal.py [PROFILE] [--out DIR]

rehearses the profile (default: demo), runs it up to its last stage, and writes `rehearsal.json` beside this file. Both
are kept in DIR, and go on where they were stopped; a finished run in DIR/whole is not computed again.
"""

import argparse
import json
from pathlib import Path

from processors import processor

from movrecon_core.storage.paths import PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.run.projection_table import read_projection
from movrecon_core.study.run.rehearse import run_rehearsal
from movrecon_core.study.stages import STAGES
from movrecon_core.study.study import Study

LONG = 60.0
"""Seconds: of shorter stages nobody has to know beforehand."""
BAR = 0.3
"""Largest relative difference of a long stage that is asked for."""


def truth(study: Study) -> dict[str, float]:
    """Seconds of every stage, summed over its units."""
    return {
        stage.name: sum(study.cost(study.unit(stage.name, *key))["seconds"] for key in stage.asked(study))
        for stage in STAGES
        if stage.asked(study)
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", nargs="?", default="demo")
    parser.add_argument("--out", type=Path, default=Path("results/rehearsal"))
    given = parser.parse_args()
    profile = load_profile(given.profile, PROFILES)
    rehearsed = run_rehearsal(profile, given.out / "rehearsed", scheduler="cores")
    whole = run_study(profile, given.out / "whole", scheduler="cores")
    projection, taken = read_projection(rehearsed.out), truth(whole)
    stages = {
        stage.name: {
            "rehearsed, s": round(stage.seconds, 1),
            "projected, s": round(stage.full_seconds, 1),
            "± 2 s.d.": round(2 * stage.full_error, 1),
            "taken, s": round(taken[stage.name], 1),
            "projected / taken": round(stage.full_seconds / taken[stage.name], 2),
        }
        for stage in projection.stages
        if stage.name in taken
    }
    judged = [
        stage.full_seconds / taken[stage.name]
        for stage in projection.stages
        if stage.name in taken and taken[stage.name] > LONG
    ]
    result = {
        "title": "Rehearsal",
        "about": f"Profile {profile.name}, rehearsed and then run on the same computer; seconds summed over units.",
        "processor": processor()["kind"],
        "stages longer than a minute": len(judged),
        "of these within 30 %": sum(abs(ratio - 1) <= BAR for ratio in judged),
        "stages": stages,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
