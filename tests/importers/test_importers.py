"""Other formats: a recording that goes through one comes back as it was, and resampling is what it says."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import yaml
from example_recording import FRAMES, NEURONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from untrusted import anything, bad_npy, complaint, damaged

from movrecon_core.errors import RecordingError
from movrecon_core.importers import import_recording
from movrecon_core.importers.nwb import image_frames
from movrecon_core.importers.session import Session, Shown, Stream, cut, resample_movie
from movrecon_core.recordings import BEHAVIOUR, Recording, recording_writer, report_recording, split_trials

TIERS = ["train", "oracle", "train"]
PAUSE, RATE = 4.0, 30.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("given") / "mouse"
    with recording_writer(path) as writer:
        for trial in range(len(TIERS)):
            writer.movie(trial, random.integers(0, 256, (FRAMES + trial, 36, 64)).astype(np.float32))
            writer.signal("responses", trial, random.gamma(0.5, 14, (NEURONS, FRAMES + trial)))
            writer.signal("behavior", trial, random.random((2, FRAMES + trial)))
            writer.signal("pupil_center", trial, random.random((2, FRAMES + trial)))
        writer.metadata(TIERS)
    return Recording(path)


def session_arrays(recording: Recording) -> dict[str, np.ndarray]:
    """The recording as one session at 30 Hz: trials after each other, with pauses in which nothing is shown."""
    pause = int(PAUSE * RATE)
    trials = [recording.trial(t) for t in recording.trials]
    starts = np.cumsum([pause] + [t.frames + pause for t in trials])[:-1]
    length = int(starts[-1] + trials[-1].frames + pause)
    values = np.full((length, NEURONS + 4), 0.5)
    for start, trial in zip(starts, trials, strict=True):
        parts = [trial.responses, trial.behavior, trial.pupil_center]
        values[start : start + trial.frames] = np.concatenate(parts).T
    onsets = [(start + np.arange(t.frames)) / RATE for start, t in zip(starts, trials, strict=True)]
    return {
        "movie": np.concatenate([t.movie for t in trials]).astype(np.uint8),
        "onsets": np.concatenate(onsets),
        "starts": starts / RATE,
        "stops": np.array([times[-1] + 1 / RATE for times in onsets]),
        "responses": values[:, :NEURONS],
        "behavior": values[:, NEURONS : NEURONS + 2],
        "pupil": values[:, NEURONS + 2 :],
    }


def write_nwb(
    path: Path, arrays: dict[str, np.ndarray], *, trials: bool = True, movie: Any = None, template: Any = None
) -> Path:
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries
    from pynwb.behavior import BehavioralTimeSeries, PupilTracking
    from pynwb.image import ImageSeries
    from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel

    start = datetime(2026, 1, 1, tzinfo=UTC)
    file = NWBFile(session_description="simulated", identifier="movrecon-test", session_start_time=start)
    times = {"starting_time": 0.0, "rate": RATE}
    if template is not None:
        file.add_stimulus_template(template)
    whole = {"data": arrays["movie"], "timestamps": arrays["onsets"]}
    file.add_stimulus(movie or ImageSeries(name="natural_movies", unit="n.a.", **whole))
    channel = OpticalChannel(name="channel", description="green", emission_lambda=520.0)
    plane = file.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="V1",
        device=file.create_device(name="microscope"),
        excitation_lambda=920.0,
        indicator="GCaMP6s",
        location="V1",
    )
    segmentation = ImageSegmentation()
    ophys = file.create_processing_module(name="ophys", description="imaging")
    ophys.add(segmentation)
    cells = segmentation.create_plane_segmentation(name="cells", imaging_plane=plane, description="cells")
    for neuron in range(NEURONS):
        cells.add_roi(pixel_mask=[(neuron, 0, 1.0)])
    region = cells.create_roi_table_region(description="all", region=list(range(NEURONS)))
    traces = Fluorescence()
    ophys.add(traces)
    traces.create_roi_response_series(name="Deconvolved", data=arrays["responses"], unit="a.u.", rois=region, **times)
    behavior = file.create_processing_module(name="behavior", description="behavior")
    running = TimeSeries(name="running_speed", data=arrays["behavior"][:, 1], unit="cm/s", **times)
    dilation = TimeSeries(name="pupil_area", data=arrays["behavior"][:, 0], unit="a.u.", **times)
    position = TimeSeries(name="pupil_position", data=arrays["pupil"], unit="a.u.", **times)
    behavior.add(BehavioralTimeSeries(time_series=running))
    behavior.add(PupilTracking(time_series=[dilation, position]))
    if trials:
        file.add_trial_column(name="tier", description="use")
        for start, stop, tier in zip(arrays["starts"], arrays["stops"], TIERS, strict=True):
            file.add_trial(start_time=start, stop_time=stop, tier=tier)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    return path


def write_experanto(path: Path, arrays: dict[str, np.ndarray], recording: Recording) -> Path:
    """The documented layout, with numpy and yaml: what a session looks like on disk."""
    (path / "screen" / "data").mkdir(parents=True)
    (path / "screen" / "meta").mkdir()
    np.save(path / "screen" / "timestamps.npy", arrays["onsets"])
    first = 0
    for number, trial in enumerate(recording.trials):
        movie = recording.trial(trial).movie
        np.save(path / "screen" / "data" / f"{number:05}.npy", movie.astype(np.uint8))
        about = {"modality": "video", "first_frame_idx": first, "num_frames": len(movie), "tier": TIERS[trial]}
        (path / "screen" / "meta" / f"{number:05}.yml").write_text(yaml.safe_dump({**about, "image_size": [36, 64]}))
        first += len(movie)
    (path / "screen" / "meta" / "00099.yml").write_text("modality: blank\nfirst_frame_idx: 0\n")
    eye = np.concatenate([arrays["behavior"][:, :1], arrays["pupil"]], axis=1)
    for name, values in (
        ("responses", arrays["responses"]),
        ("eye_tracker", eye),
        ("treadmill", arrays["behavior"][:, 1:]),
    ):
        (path / name / "meta").mkdir(parents=True)
        about = {"modality": "sequence", "sampling_rate": RATE, "start_time": 0.0, "end_time": len(values) / RATE}
        about |= {"n_signals": values.shape[1], "n_timestamps": len(values), "is_mem_mapped": name == "responses"}
        (path / name / "meta.yml").write_text(yaml.safe_dump({**about, "dtype": "float32"}))
        if name == "responses":
            values.astype(np.float32).tofile(path / name / "data.mem")
        else:
            np.save(path / name / "data.npy", values)
    return path


def equal(found: Recording, given: Recording, behaviour: tuple[str, ...] = tuple(BEHAVIOUR)) -> None:
    assert found.trials == given.trials
    for index in given.trials:
        one, other = found.trial(index), given.trial(index)
        for name in ("movie", "responses", *behaviour):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-3, atol=1e-3)


def test_nwb_there_and_back(recording: Recording, tmp_path: Path) -> None:
    file = write_nwb(tmp_path / "session.nwb", session_arrays(recording))
    found = import_recording("nwb", file, tmp_path / "mouse", simulated=True)
    equal(found, recording)
    assert (found.tiers.tolist(), found.simulated) == (TIERS, True)
    report = report_recording(found.path)
    assert report.problems == ()
    assert report.notes()[0].startswith("imported from session.nwb (nwb); movies of 36 × 64 pixels at 30 Hz")


def test_nwb_without_a_table_of_trials_is_cut_at_the_pauses(recording: Recording, tmp_path: Path) -> None:
    file = write_nwb(tmp_path / "session.nwb", session_arrays(recording), trials=False)
    found = import_recording("nwb", file, tmp_path / "mouse")
    equal(found, recording)
    assert set(found.tiers) == {"train"}


def test_nwb_with_fluorescence_is_deconvolved_and_says_so(recording: Recording, tmp_path: Path) -> None:
    arrays = session_arrays(recording)
    events = np.where(arrays["responses"] > 10, arrays["responses"], 0)  # none in the pauses
    step, trace = np.exp(-1 / (0.8 * RATE)), np.zeros_like(events)
    for time, happened in enumerate(events):
        trace[time] = step * trace[time - 1] + happened
    file = write_nwb(tmp_path / "session.nwb", {**arrays, "responses": trace})
    mapping = tmp_path / "lab.yaml"
    mapping.write_text(
        "{movies: natural_movies, responses: ophys/Fluorescence/Deconvolved, trials: trials, decay: 0.8}"
    )
    found = import_recording("nwb", file, tmp_path / "mouse", mapping)
    assert "deconvolved with a decay of 0.8 s" in report_recording(found.path).notes()[0]
    start = round(arrays["starts"][1] * RATE)
    expected = events[start : start + FRAMES + 1].T
    for one, other in zip(found.trial(1).responses, expected, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.99


def test_nwb_with_names_of_its_own_proposes_a_mapping(recording: Recording, tmp_path: Path) -> None:
    file = write_nwb(tmp_path / "session.nwb", session_arrays(recording))
    mapping = tmp_path / "lab.yaml"
    mapping.write_text("movies: natural_movies\nresponses: nothing\n")
    with pytest.raises(RecordingError, match=r"what are its responses\? That 'nothing' is not there; complete .*yaml"):
        import_recording("nwb", file, tmp_path / "mouse", mapping)
    assert not (tmp_path / "mouse").exists()
    draft = tmp_path / "mouse.map.yaml"
    (path,) = re.findall(r"^# (\S*Deconvolved): RoiResponseSeries", draft.read_text(), re.MULTILINE)
    draft.write_text(draft.read_text().replace("responses: nothing", f"responses: {path}"))
    found = import_recording("nwb", file, tmp_path / "mouse", draft)
    equal(found, recording, ())
    assert found.missing_signals == ("pupil dilation", "running speed", "pupil position")


def test_nwb_with_frames_by_number_among_templates(recording: Recording, tmp_path: Path) -> None:
    """As repeated movies are kept: each picture once, and which of them was on the screen."""
    from pynwb.base import ImageReferences, Images
    from pynwb.image import GrayscaleImage, IndexSeries

    arrays = session_arrays(recording)
    pictures = [GrayscaleImage(name=f"frame{i:04}", data=frame) for i, frame in enumerate(arrays["movie"])]
    order = ImageReferences(name="order_of_images", data=pictures)
    template = Images(name="clips", images=pictures, description="clips", order_of_images=order)
    numbers = np.arange(len(pictures), dtype=np.uint32)
    series = IndexSeries(name="shown", data=numbers, unit="N/A", timestamps=arrays["onsets"], indexed_images=template)
    file = write_nwb(tmp_path / "session.nwb", arrays, movie=series, template=template)
    mapping = tmp_path / "lab.yaml"
    mapping.write_text("{movies: shown, responses: ophys/Fluorescence/Deconvolved, trials: trials}")
    equal(import_recording("nwb", file, tmp_path / "mouse", mapping), recording, ())


def test_older_nwb_files_point_to_frames_of_another_series() -> None:
    """pynwb reads that and no longer writes it."""
    frames = np.random.default_rng(0).integers(0, 256, (7, 36, 64))
    series = SimpleNamespace(data=np.array([6, 0, 3]), indexed_timeseries=SimpleNamespace(data=frames))
    np.testing.assert_array_equal(image_frames(Path("file"), series, 0, 2), frames[[6, 0]])


@pytest.mark.parametrize(
    ("kind", "mapping", "named"),
    [
        ("nwb", "{movies: [1], responses: 3}", r"what are its movies\? That '\[1\]' is not there"),
        ("nwb", "{movies: natural_movies, responses: ophys/Fluorescence/Deconvolved, decay: soon}", "decay: SECONDS"),
        ("nwb", "- a list", "expected keys and values, found list"),
        ("experanto", "running: 3", "--map: expected folder: NAME"),
        ("experanto", "running: {folder: treadmill, column: speed}", "--map: expected column: NUMBER"),
        ("experanto", "running: {folder: treadmill, column: 7}", "treadmill: 1 signals, no column 7"),
    ],
)
def test_a_mapping_that_says_nothing_is_one_line(recording, tmp_path, kind, mapping, named) -> None:
    arrays = session_arrays(recording)
    source = tmp_path / "session.nwb"
    write_nwb(source, arrays) if kind == "nwb" else write_experanto(source, arrays, recording)
    (tmp_path / "lab.yaml").write_text(mapping)
    with pytest.raises(RecordingError, match=named):
        import_recording(kind, source, tmp_path / "mouse", tmp_path / "lab.yaml")


@pytest.mark.parametrize("content", [b"", b"not hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_no_nwb(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.nwb").write_bytes(content)
    with pytest.raises(RecordingError, match=r"file\.nwb: not a readable NWB file"):
        import_recording("nwb", tmp_path / "file.nwb", tmp_path / "mouse")


def test_experanto_there_and_back(recording: Recording, tmp_path: Path) -> None:
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    found = import_recording("experanto", folder, tmp_path / "mouse")
    equal(found, recording)
    assert found.tiers.tolist() == TIERS
    assert split_trials(found, "tier:oracle").held_out == (1,)


def test_experanto_numbers_need_no_zeros(recording: Recording, tmp_path: Path) -> None:
    """9 comes before 10."""
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    for part in ("meta", "data"):
        for file in (folder / "screen" / part).glob("0000*"):
            file.rename(file.with_stem(str(9 + int(file.stem))))
    found = import_recording("experanto", folder, tmp_path / "mouse")
    for trial in recording.trials:
        np.testing.assert_array_equal(found.movie(trial), np.round(recording.movie(trial)))


def test_experanto_with_an_encoded_movie(recording: Recording, tmp_path: Path) -> None:
    """Compression loses some grey levels and no frame."""
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    frames = np.zeros((FRAMES, 36, 64, 3), np.uint8)
    frames[...] = (3 * np.arange(FRAMES))[:, None, None, None]
    (folder / "screen/data/00000.npy").unlink()
    writer = imageio_ffmpeg.write_frames(str(folder / "screen/data/00000.mp4"), (64, 36), fps=30, macro_block_size=1)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()
    found = import_recording("experanto", folder, tmp_path / "mouse").trial(0).movie
    np.testing.assert_allclose(found, frames.mean(axis=-1), atol=4)


def test_experanto_of_another_size_and_rate_says_how_it_was_resampled(recording: Recording, tmp_path: Path) -> None:
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    onsets = np.load(folder / "screen/timestamps.npy")
    np.save(folder / "screen/timestamps.npy", np.stack([onsets, onsets + 0.5 / RATE], axis=1).ravel())
    for file in (folder / "screen/data").glob("*.npy"):
        np.save(file, np.load(file).repeat(2, 0).repeat(2, 1).repeat(2, 2))
        about = yaml.safe_load((meta := folder / f"screen/meta/{file.stem}.yml").read_text())
        about |= {name: 2 * about[name] for name in ("first_frame_idx", "num_frames")}
        meta.write_text(yaml.safe_dump(about))
    found = import_recording("experanto", folder, tmp_path / "mouse")
    equal(found, recording)
    assert "movies of 72 × 128 pixels at 60 Hz, to 36 × 64 at 30 Hz" in report_recording(found.path).notes()[0]


def test_experanto_without_an_eye_tracker(recording: Recording, tmp_path: Path) -> None:
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    (folder / "eye_tracker").rename(tmp_path / "elsewhere")
    found = import_recording("experanto", folder, tmp_path / "mouse")
    assert found.missing_signals == ("pupil dilation", "pupil position")
    np.testing.assert_allclose(found.trial(0).behavior[1], recording.trial(0).behavior[1], atol=1e-3)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: (f / "screen/timestamps.npy").unlink(), r"timestamps\.npy: no such file"),
        (lambda f: (f / "screen/meta/00001.yml").write_text("modality: video"), r"00001\.yml: expected a whole number"),
        (lambda f: (f / "responses/meta.yml").write_text("sampling_rate: 30"), r"responses: not a signal .*start_time"),
        (lambda f: (f / "responses/data.mem").write_bytes(b"12"), r"responses: not a signal"),
        (lambda f: np.save(f / "screen/data/00000.npy", np.zeros((3, 36, 64))), "session: a movie of 3 frames has 84"),
        (lambda f: (f / "screen/data/00000.mp4").write_text("none"), r"00000\.mp4: not a readable video"),
    ],
)
def test_a_damaged_session_is_named_and_leaves_nothing(recording, tmp_path, damage, named) -> None:
    folder = write_experanto(tmp_path / "session", session_arrays(recording), recording)
    damage(folder)
    with pytest.raises(RecordingError, match=named):
        import_recording("experanto", folder, tmp_path / "mouse")
    assert not list(tmp_path.glob("*mouse*"))


FILES = (
    *("screen/timestamps.npy", "screen/data/00000.npy", "screen/meta/00000.yml"),
    *("responses/meta.yml", "responses/data.mem", "eye_tracker/data.npy", "eye_tracker/meta.yml"),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(FILES))
def test_nothing_in_a_session_is_trusted(recording: Recording, tmp_path: Path, data: st.DataObject, name: str) -> None:
    """Malformed files end in one line, or are read as what they are."""
    folder, canary = tmp_path / "session", tmp_path / "canary"
    if not folder.exists():
        write_experanto(folder, session_arrays(recording), recording)
    file = folder / name
    whole = file.read_bytes()
    if file.suffix == ".npy":
        file.write_bytes(data.draw(bad_npy(whole, canary)))
    elif file.suffix == ".mem" or data.draw(st.booleans()):
        file.write_bytes(data.draw(damaged(whole)))
    else:
        about = yaml.safe_load(whole)
        about[data.draw(st.sampled_from(sorted(about)))] = data.draw(anything())
        file.write_text(yaml.safe_dump(about, allow_unicode=True), "utf-8", errors="surrogatepass")
    try:
        complaint("import", "experanto", folder, "--out", tmp_path / "mouse")
        assert not canary.exists()
    finally:
        file.write_bytes(whole)
        shutil.rmtree(tmp_path / "mouse", ignore_errors=True)


def test_signals_at_other_rates_and_shifts_are_interpolated() -> None:
    """Straight lines stay what they are at any rate; a neuron that is scanned later is read later."""
    clock = 2 + np.arange(100) / 7.7
    shifts = np.array([0.0, 0.05])
    responses = Stream(clock, np.stack([3 * (clock + shift) + 1 for shift in shifts], axis=1), shifts)
    shown = Shown(5 + np.arange(90) / 30, lambda: np.zeros((90, 36, 64)))
    found = cut(Session([shown], responses, (None, None), None), shown)
    assert found is not None
    np.testing.assert_allclose(found.responses, np.tile(3 * shown.times + 1, (2, 1)), rtol=1e-5)
    assert np.isnan(found.behavior).all()
    before = Shown(shown.times - 5, shown.load)
    assert cut(Session([before], responses, (None, None), None), before) is None


def test_fluorescence_is_deconvolved() -> None:
    """Transients that decay with 0.8 s are one event each, where they began."""
    clock = np.arange(400) / 30
    events = np.zeros(400)
    events[[200, 230, 270]] = 1.0, 2.0, 1.5
    decay = np.exp(-1 / (0.8 * 30))
    trace = np.convolve(events, decay ** np.arange(400))[:400]
    shown = Shown(clock[190:300], lambda: np.zeros((110, 36, 64)))
    found = cut(Session([shown], Stream(clock, trace[:, None]), (None, None), None, 0.8), shown)
    assert found is not None
    np.testing.assert_allclose(found.responses[0], 30 * events[190:300], atol=0.05)


def test_frames_are_averaged_over_areas_and_screens_of_other_proportions_stand_in_grey() -> None:
    random = np.random.default_rng(0)
    times = np.arange(4) / 30
    fine = random.uniform(0, 255, (4, 72, 128))
    expected = fine.reshape(4, 36, 2, 64, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resample_movie(fine, times, times), expected, rtol=1e-5)
    odd = resample_movie(random.uniform(0, 255, (1, 50, 100)), times[:1], times[:1])[0]  # 32 rows of 64
    assert (odd[:2] == 127.5).all()
    assert (odd[-2:] == 127.5).all()
    assert odd[2:-2].std() > 10
    grey = resample_movie(np.full((1, 47, 81, 3), 90), times[:1], times[:1])[0]
    np.testing.assert_allclose(grey, 90 + (127.5 - 90) * (np.abs(grey - 127.5) < 1e-3), atol=38)
    np.testing.assert_allclose(grey[18, 32], 90, rtol=1e-5)


def test_a_movie_at_60_hz_loses_every_other_frame_and_one_at_15_hz_stands() -> None:
    frames = np.arange(60)[:, None, None] * np.ones((1, 36, 64))
    halved = resample_movie(frames, np.arange(60) / 60, np.arange(30) / 30)
    np.testing.assert_array_equal(halved[:, 0, 0], np.arange(0, 60, 2))
    held = resample_movie(frames[:15], np.arange(15) / 15, np.arange(30) / 30)
    np.testing.assert_array_equal(held[:, 0, 0], np.repeat(np.arange(15), 2))
