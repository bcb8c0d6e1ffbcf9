"""Sessions in NWB files. Names differ between labs, so a mapping says what is what, and one is proposed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from movrecon_core.errors import RecordingError
from movrecon_core.importers.session import Session, Shown, Stream

PARTS = ("movies", "responses", "pupil_dilation", "pupil_position", "running", "trials")
"""What a mapping names, by its path in the file; also ``decay`` (seconds, of an indicator that is still to be
deconvolved) and ``tier`` (column of the trials' table)."""
_WORDS = {
    "pupil_dilation": ("pupil_area", "pupil_diameter", "pupil_size", "pupil_radius", "dilation", "pupil"),
    "pupil_position": ("pupil_position", "pupil_location", "eye_position", "eye_tracking", "pupil_center", "gaze"),
    "running": ("running_speed", "running", "treadmill", "wheel", "speed", "locomotion"),
    "responses": ("deconv", "event", "spike", "plane", "roi", "dff", "df_over_f", "fluorescence"),
}
"""Parts of names that tell, the surest first."""
GAP = 1.5
"""Intervals between frames after which, without a table of trials, the next movie begins."""


class UnclearError(RecordingError):
    """It cannot be told what is what.

    Attributes
    ----------
    draft
        A mapping to be completed, with what there is.
    """

    def __init__(self, message: str, draft: str) -> None:
        self.draft = draft
        super().__init__(message)


@contextmanager
def read_nwb(source: Path, mapping: dict[str, Any] | None) -> Iterator[Session]:
    """Open a session while the block runs.

    Parameters
    ----------
    source
        The file.
    mapping
        As for `PARTS`; None: what is proposed, where that is certain.

    Raises
    ------
    RecordingError
        If pynwb is missing, the file is none, or the mapping does not fit; it then says what the file holds.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise RecordingError("NWB files need pynwb: pip install 'movrecon[nwb]'") from None
    try:
        io = NWBHDF5IO(str(source), "r", load_namespaces=True)
        file = io.read()
    except Exception as error:  # hdf5 and pynwb raise anything on a file that is none
        raise RecordingError(f"{source}: not a readable NWB file ({' '.join(str(error).split())[:200]})") from None
    try:
        yield _session(source, _objects(file), mapping)
    finally:
        io.close()


def propose(objects: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping from what a file holds: by kind, and of several by their names."""
    from pynwb.base import TimeSeries
    from pynwb.image import ImageSeries, IndexSeries
    from pynwb.ophys import RoiResponseSeries

    def best(part: str, kind: Any, no: Any = ()) -> str | None:
        fitting = [path for path, found in objects.items() if isinstance(found, kind) and not isinstance(found, no)]
        words = _WORDS[part]
        ranked = [(words.index(w), path) for path in fitting for w in words if w in path.lower()]
        return min(ranked)[1] if ranked else fitting[0] if part == "responses" and len(fitting) == 1 else None

    movies = [path for path, found in objects.items() if isinstance(found, ImageSeries | IndexSeries)]
    shown = [path for path in movies if not isinstance(objects[path], ImageSeries) or len(objects[path].data)]
    stills = (ImageSeries, IndexSeries, RoiResponseSeries)
    found: dict[str, Any] = {
        "movies": shown[0] if len(shown) == 1 else None,
        "responses": best("responses", RoiResponseSeries),
        **{part: best(part, TimeSeries, stills) for part in ("pupil_dilation", "pupil_position", "running")},
        "trials": "trials" if "trials" in objects else None,
    }
    if found["pupil_dilation"] == found["pupil_position"]:
        found["pupil_position" if _columns(objects, found["pupil_dilation"]) < 2 else "pupil_dilation"] = None
    named = str(found["responses"]).lower()
    if any(word in named for word in ("dff", "df_over_f", "dfoverf", "fluorescence")) and "deconv" not in named:
        found["decay"] = 0.8
    return found


def _columns(objects: Mapping[str, Any], path: str | None) -> int:
    return 0 if path is None or np.ndim(objects[path].data) < 2 else int(np.shape(objects[path].data)[1])


def _objects(file: Any) -> dict[str, Any]:
    """Time series and tables of a file by their path: ``trials``, ``behavior/running``, ``stimulus/movie``."""
    from pynwb.base import TimeSeries
    from pynwb.epoch import TimeIntervals

    found = {}
    for item in file.objects.values():
        if isinstance(item, TimeSeries | TimeIntervals):
            names, place = [], item
            while place is not None and place is not file:
                names.append(place.name)
                place = place.parent
            found["/".join(reversed(names))] = item
    return found


def _described(item: Any) -> str:
    return type(item).__name__ + (f" {np.shape(item.data)}" if hasattr(item, "data") else "")


def _session(source: Path, objects: dict[str, Any], mapping: dict[str, Any] | None) -> Session:
    chosen = propose(objects) if mapping is None else mapping
    for part in PARTS:
        path = chosen.get(part)
        there = isinstance(path, str) and path in objects
        if not there and (path is not None or part in ("movies", "responses")):
            listed = "".join(f"# {name}: {_described(item)}\n" for name, item in sorted(objects.items()))
            draft = yaml.safe_dump({part: chosen.get(part) for part in (*PARTS, "decay", "tier")}, sort_keys=False)
            known = "is not clear" if path is None else f"'{path}' is not there"
            raise UnclearError(f"{source}: what are its {part}? That {known}", f"# The file holds:\n{listed}{draft}")
    series = {part: objects[chosen[part]] for part in PARTS if chosen.get(part) is not None}
    movies = list(_movies(source, series["movies"], series.get("trials"), str(chosen.get("tier") or "tier")))
    dilation, running = (_stream(source, series.get(part)) for part in ("pupil_dilation", "running"))
    responses = _stream(source, series["responses"])
    if responses is None:
        raise RecordingError(f"{source}: {chosen['responses']}: no samples")
    decay = chosen.get("decay")
    if decay is not None and not (isinstance(decay, int | float) and 0 < decay < np.inf):
        raise RecordingError(f"{source}: --map: expected decay: SECONDS, found {decay!r}")
    return Session(movies, responses, (dilation, running), _stream(source, series.get("pupil_position")), decay)


def _times(source: Path, series: Any) -> NDArray[np.float64]:
    count = len(series.data)
    if series.timestamps is not None:
        times = np.asarray(series.timestamps, dtype=np.float64)
    else:
        times = float(series.starting_time or 0) + np.arange(count) / float(series.rate)
    if len(times) != count or count < 2 or not (np.diff(times) > 0).all():
        raise RecordingError(f"{source}: {series.name}: expected one increasing time for each of {count} samples")
    return times


def _stream(source: Path, series: Any) -> Stream | None:
    if series is None:
        return None
    values = series.data
    if len(np.shape(values)) == 1:
        values = np.asarray(values)[:, None]
    conversion, offset = float(series.conversion), float(series.offset)
    if (conversion, offset) != (1.0, 0.0):
        values = np.asarray(values) * conversion + offset
    return Stream(_times(source, series), values)


def _movies(source: Path, series: Any, trials: Any, tier: str) -> Iterator[Shown]:
    """Movies by the table of trials, or without one by the gaps between frames."""
    times = _times(source, series)
    if trials is None:
        ends = np.flatnonzero(np.diff(times) > GAP * np.median(np.diff(times))) + 1
        bounds = [(a, b) for a, b in zip([0, *ends], [*ends, len(times)], strict=True)]
        tiers = ["train"] * len(bounds)
    else:
        starts, stops = (np.asarray(trials[name][:], dtype=np.float64) for name in ("start_time", "stop_time"))
        tolerance = 1e-3
        bounds = [
            (int(np.searchsorted(times, a - tolerance)), int(np.searchsorted(times, b - tolerance)))
            for a, b in zip(starts, stops, strict=True)
        ]
        tiers = [str(name) for name in trials[tier][:]] if tier in trials.colnames else ["train"] * len(bounds)
    for (first, stop), name in zip(bounds, tiers, strict=True):
        if stop - first > 1:
            yield Shown(times[first:stop], partial(image_frames, source, series, first, stop), name)


def image_frames(source: Path, series: Any, first: int, stop: int) -> NDArray:
    """Frames (T, H, W) of an image series, or of the pictures that an index series points to."""
    given = np.asarray(series.data[first:stop])
    if given.ndim > 1:
        return given
    if getattr(series, "indexed_timeseries", None) is not None:
        return np.stack([np.asarray(series.indexed_timeseries.data[int(i)]) for i in given])
    if getattr(series, "indexed_images", None) is not None:
        pictures = list(
            getattr(series.indexed_images, "order_of_images", None) or series.indexed_images.images.values()
        )
        return np.stack([np.asarray(pictures[int(i)]) for i in given])
    raise RecordingError(f"{source}: {series.name}: its frames are in another file ({series.external_file}); not read")
