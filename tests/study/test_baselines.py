"""Decoders and other methods in a study: nothing that they learn has seen a held-out movie."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_study import PROFILE, one_thread

from movrecon_core import plotting
from movrecon_core.analysis import Judged, video_correlation
from movrecon_core.decoders import convolutional
from movrecon_core.encoders.inputs import crop_movie
from movrecon_core.errors import NothingToShowError, ProfileError
from movrecon_core.figures import baselines as figure
from movrecon_core.figures.baselines import (
    ALL_INSTANCES,
    RECONSTRUCTED,
    against_all,
    error_spectra,
    qualities,
    rows,
)
from movrecon_core.figures.fig2_performance import OWN_METHOD, method_rows, methods_beside
from movrecon_core.study import open_study
from movrecon_core.study.profile import parse_profile
from movrecon_core.study.run.pipeline import run_study
from movrecon_core.study.stages.baselines import COMPONENTS, OWN, SHUFFLED, TRUTH
from movrecon_core.study.study import Study

DECODERS = ("mean-frame", "nearest-movie", "receptive-fields", "pseudo-inverse", "network", "ridge")
METHODS = {
    "published": {"iterations": 6, "window_frames": None},
    "fast": {"method": "fast", "iterations": 3, "left_out": 0.0},
}
SETTINGS = {
    **PROFILE,
    "instances": 1,
    "simulation": {"mice": 1, "trials": 14, "neurons": 30, "frames": 90, "oracle_trials": 3},
    "reconstruction": {"method": "best", "iterations": 4},
    "baselines": {"decoders": DECODERS, "methods": METHODS},
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with all baselines, guided by ridge regression."""
    out = tmp_path_factory.mktemp("baselines") / "study"
    with one_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolutional, "UPDATES", 2)
        run_study(parse_profile(SETTINGS, "test"), out, held_out="tier:oracle", device="cpu", until="baselines")
    return out


def test_everything_is_learned_from_training_movies_alone(compared: Path, tmp_path: Path) -> None:
    """Held-out movies and responses replaced by noise: no decoder and no misfit changes by a bit."""
    study = open_study(compared)
    copied = Path(shutil.copytree(study.recordings[0].path, tmp_path / study.recordings[0].name))
    random = np.random.default_rng(0)
    for trial in study.trials.of_role(0, "held-out"):
        for signal, top in (("videos", 255), ("responses", 10), ("behavior", 10), ("pupil_center", 10)):
            file = copied / "data" / signal / f"{trial}.npy"
            before = np.load(file)
            np.save(file, random.uniform(0, top, before.shape).astype(before.dtype))
    with one_thread(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolutional, "UPDATES", 2)
        again = run_study(
            parse_profile(SETTINGS, "test"),
            tmp_path / "out",
            [copied],
            held_out="tier:oracle",
            device="cpu",
            until="misfits",
        )
    assert again.trials.of_role(0, "training") == study.trials.of_role(0, "training")
    for key in (*(("decoders", 0, name) for name in DECODERS), ("misfits", 0, 0)):
        first, second = study.result(*key), again.result(*key)
        assert set(first) == set(second)
        for name in first:
            np.testing.assert_array_equal(first[name].values, second[name].values, err_msg=f"{key}: {name}")


def test_all_movies_are_there(compared: Path) -> None:
    study = open_study(compared)
    ((mouse, trial),) = study.asked.baseline_movies()
    found = study.result("baselines", mouse, trial)
    assert found.attrs["decoders"] == ["ridge", COMPONENTS, SHUFFLED, *DECODERS[:-1]]
    assert set(found.attrs["movies"][:6]) == {TRUTH, OWN, *(f"{m}{end}" for m in METHODS for end in ("", " (oracle)"))}
    assert np.isfinite(found["response_correlation"]).sum() >= 8  # those of flat movies are not defined
    assert found["movie"].shape == (8, 90, 36, 64)
    assert found["movie"].min() >= 0
    assert found["movie"].max() <= 255


def test_the_oracle_knows_where_to_stop(compared: Path) -> None:
    study = open_study(compared)
    ((mouse, trial),) = study.asked.baseline_movies()
    found = study.result("other-methods", mouse, trial, "published")
    pixels = crop_movie(study.results.evaluation_mask(mouse))
    truth = study.movie(mouse, trial)
    judged = [video_correlation(truth[30:], crop_movie(found[m].values)[30:], pixels) for m in ("movie", "oracle")]
    curve = found["video_correlation"].values
    assert judged[1] == pytest.approx(np.nanmax(curve), abs=1e-4)
    assert judged[0] == pytest.approx(curve[-1], abs=1e-4)


def test_the_guided_movie_is_near_the_decoders(compared: Path) -> None:
    study = open_study(compared)
    ((mouse, trial),) = study.asked.baseline_movies()
    decoded = study.result("baselines", mouse, trial)["movie"].values[0]
    found = crop_movie(study.results.instance_movies(mouse, trial)[0])
    outside = ~crop_movie(study.results.training_mask(mouse))
    np.testing.assert_allclose(found[:, outside], decoded[:, outside], atol=1e-3)
    change = np.abs(found - decoded).mean()
    assert 0.01 < change < 60


def test_an_unknown_decoder_is_named() -> None:
    with pytest.raises(ProfileError, match="no decoder is called 'rigde'; did you mean 'ridge'"):
        parse_profile({**SETTINGS, "baselines": {"decoders": ["rigde"]}}, "test")


def test_what_is_guided_needs_its_decoder() -> None:
    study = Study(Path("none"), parse_profile(SETTINGS, "test"), (), "fold:0")
    assert study.asked.guides == ("ridge",)
    plain = parse_profile({**SETTINGS, "reconstruction": {"method": "fast"}, "baselines": {}}, "test")
    assert Study(Path("none"), plain, (), "fold:0").asked.decoders == ()


def test_every_method_is_judged_alike(compared: Path) -> None:
    study = open_study(compared)
    table = qualities(study)
    assert list(table["method"])[:2] == [RECONSTRUCTED, ALL_INSTANCES]
    wide = table.set_index("method")
    judged = study.results.judged(0, int(table["trial"][0]), instances=[0]).evaluated
    assert wide.loc[RECONSTRUCTED, "video_correlation"] == pytest.approx(video_correlation(*judged))
    assert wide.loc["mean training frame", "change_correlation"] == pytest.approx(0, abs=1e-5)
    assert wide.loc["published (oracle)", "video_correlation"] >= wide.loc["published", "video_correlation"] - 0.02
    assert wide["structural_similarity"].between(-1, 1).all()
    assert np.isnan(wide.loc[ALL_INSTANCES, "response_correlation"])  # known for one encoder's movie alone
    assert len(list(rows(table, 0))) == len(table)
    found = against_all(table, 0).set_index("from")
    ridge = wide.loc[RECONSTRUCTED, "video_correlation"] - wide.loc["ridge regression", "video_correlation"]
    assert found.loc["ridge regression", "difference"] == pytest.approx(ridge)
    assert found.loc["ridge regression", "above_in"] == int(ridge > 0)


def test_spectra_of_the_unexplained(compared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A movie that is the truth but for its contrast leaves nothing; one that has its slow half leaves the fast one."""
    study = open_study(compared)
    truth = study.results.judged(*next(study.asked.baseline_movies())).truth
    time = np.arange(len(truth))[:, None, None]
    slow, fast = np.cos(2 * np.pi * time / 60), np.cos(2 * np.pi * time / 4)
    shown = (127 + 20 * slow + 20 * fast + np.zeros((1, 36, 64))).astype(np.float32)
    pixels = np.ones((36, 64), dtype=bool)
    movies = {
        "contrast": Judged(shown, shown / 2, pixels),
        "slow": Judged(shown, np.broadcast_to(20 * slow, shown.shape).astype(np.float32), pixels),
    }
    monkeypatch.setattr(figure, "baseline_movies", lambda *_: movies)
    found = error_spectra(study).set_index(["method", "frequency"])["share"]
    assert found["contrast"].max() < 1e-6
    assert found["slow"].iloc[1] < 0.01  # 0.5 Hz, the first octave
    assert found["slow"].iloc[-2] == pytest.approx(1, abs=0.01)  # 7.5 Hz
    plotting.plot_error_spectra(plotting.new_figure(3, 2, True).subplots(), found.reset_index())


def test_without_decoders_there_is_nothing_to_show(compared: Path) -> None:
    study = open_study(compared)
    with pytest.raises(NothingToShowError, match=r"baselines.decoders"):
        figure.baseline_movies(replace(study, profile=parse_profile(PROFILE, "test")), 0, 0)


def test_other_methods_stand_in_figure_2(compared: Path) -> None:
    study = open_study(compared)
    methods = methods_beside(study)
    table = qualities(study).set_index("method")
    assert set(methods["method"]) == {OWN_METHOD, *(f"{m}{end}" for m in METHODS for end in ("", " (oracle)"))}
    for name, theirs in ((OWN_METHOD, RECONSTRUCTED), ("published (oracle)", "published (oracle)")):
        found = methods.set_index("method").loc[name, "video_correlation"]
        assert found == pytest.approx(table.loc[theirs, "video_correlation"])
    assert [row.ours for row in method_rows(methods, 0)] == pytest.approx(list(methods["video_correlation"]))
    alone = replace(study, profile=parse_profile(PROFILE, "test"))
    assert methods_beside(alone).empty
    assert list(method_rows(methods_beside(alone), 0)) == []
