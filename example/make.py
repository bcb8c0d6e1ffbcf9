"""Makes the files of this folder: `python example/make.py` (minutes on two cores; some 2.5 MB).

One in-silico mouse is simulated, an encoder and a mask are trained as in the demo profile, and three of the movies that
the encoder was not trained on are kept, with what was recorded.
"""

import shutil
import sys

import numpy as np

from movrecon_core.encoders.checkpoints import load_checkpoint, save_checkpoint
from movrecon_core.recordings import SIMULATED_MARKER, recording_writer
from movrecon_core.storage.paths import EXAMPLE, PROFILES
from movrecon_core.study.profile import load_profile
from movrecon_core.study.run.pipeline import run_study

TRIALS, FRAMES = 3, 150
"""Movies that are kept, and how much of each: 5 s."""


def main() -> None:
    demo = load_profile("demo", PROFILES)
    mouse = demo.simulation.model_copy(update={"mice": 1, "others": ()})
    profile = demo.model_copy(update={"simulation": mouse, "instances": 1, "comparison": None, "name": "example"})
    study = run_study(profile, EXAMPLE.parent / "results" / "example", until="masks", scheduler="local")
    unit = study.unit("encoders", 0)
    kept = study.trials_with(0, "held-out")[:TRIALS]
    for name in ("mouse", "encoder.pth", "alpha.npy"):
        path = EXAMPLE / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    with recording_writer(EXAMPLE / "mouse") as writer:
        for place, trial in enumerate(study.trial(0, t) for t in kept):
            writer.movie(place, trial.movie[:FRAMES])
            for signal in ("responses", "behavior", "pupil_center"):
                writer.signal(signal, place, getattr(trial, signal)[:, :FRAMES])
        writer.metadata(["oracle"] * TRIALS)
        marker = study.recordings[0].path / SIMULATED_MARKER
        writer.text(SIMULATED_MARKER, marker.read_text(encoding="utf-8"))
    # In half the room: whole grey levels, and responses to 0.05 %.
    for signal, kind in (("videos", np.uint8), ("responses", np.float16)):
        for file in (EXAMPLE / "mouse" / "data" / signal).glob("*.npy"):
            np.save(file, np.load(file).astype(kind))
    np.save(EXAMPLE / "alpha.npy", study.alpha(0).astype(np.float32))
    save_checkpoint(EXAMPLE / "encoder.pth", load_checkpoint(study.path(unit)), {"simulated": True})
    size = sum(file.stat().st_size for file in EXAMPLE.rglob("*") if file.is_file())
    print(f"{EXAMPLE}: {size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
