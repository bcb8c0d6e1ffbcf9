"""Nothing that is loaded is trusted: an error of one line, no code run, nothing written elsewhere."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from example_recording import write_example
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from untrusted import Bomb, anything, bad_npy, complaint, damaged, nothing_outside, refusal

from movrecon_core.encoders.checkpoints import load_checkpoint, save_checkpoint
from movrecon_core.encoders.factorised import Factorised, FactorisedConfig
from movrecon_core.errors import CheckpointError, MovreconError, ProfileError
from movrecon_core.recordings import Recording
from movrecon_core.storage.archive import opened, sealed
from movrecon_core.storage.paths import PROFILES
from movrecon_core.storage.store import Store, Unit
from movrecon_core.study.profile import load_profile
from movrecon_core.study.study import open_study

fuzzed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

FILES = [
    "data/videos/1.npy",
    "data/responses/1.npy",
    "data/behavior/1.npy",
    "data/pupil_center/1.npy",
    "meta/trials/tiers.npy",
    "meta/neurons/unit_ids.npy",
    "meta/neurons/cell_motor_coordinates.npy",
]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("recording") / "mouse", trials=3)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "encoder.pth"
    torch.manual_seed(0)
    save_checkpoint(path, Factorised(FactorisedConfig((3,))))
    return path


@fuzzed
@given(data=st.data(), name=st.sampled_from(FILES))
def test_recordings(recording: Path, tmp_path: Path, data: st.DataObject, name: str) -> None:
    file, canary = recording / name, tmp_path / "canary"
    whole = file.read_bytes()
    bad = data.draw(bad_npy(whole, canary))
    file.write_bytes(bad)
    try:
        with nothing_outside(recording, canary):
            complained = complaint("check", recording)
            if bad != whole:
                _use(Recording(recording))
        assert complained is None or "problem" in complained
    finally:
        file.write_bytes(whole)


def _use(recording: Recording) -> None:
    """Whatever is read of a recording, it is read, or the error names the file."""
    for read in (
        lambda: recording.tiers,
        lambda: recording.neurons,
        lambda: recording.trial(1),
        lambda: recording.movie(1),
        lambda: recording.trials_of_tier("train"),
    ):
        message = refusal(MovreconError, read)
        assert message is None or str(recording.path) in message


@pytest.mark.parametrize("kind", ["directory", "loop", "pipe", "device"])
def test_a_recording_with_something_that_is_no_file(recording: Path, tmp_path: Path, kind: str) -> None:
    bad = tmp_path / "mouse"
    shutil.copytree(recording, bad)
    file = bad / "data" / "responses" / "1.npy"
    file.unlink()
    {
        "directory": file.mkdir,
        "loop": lambda: file.symlink_to(file),
        "pipe": lambda: os.mkfifo(file),
        "device": lambda: file.symlink_to("/dev/zero"),
    }[kind]()
    assert "problem" in str(complaint("check", bad))
    with pytest.raises(MovreconError, match=r"1\.npy"):
        Recording(bad).trial(1)


@pytest.mark.filterwarnings("ignore")  # of torch, about sizes that are 0
@fuzzed
@given(data=st.data())
def test_checkpoints(checkpoint: Path, tmp_path: Path, data: st.DataObject) -> None:
    canary, file = tmp_path / "canary", tmp_path / "in" / "bad.pth"
    file.parent.mkdir(exist_ok=True)
    good = torch.load(checkpoint, weights_only=True)
    kind = data.draw(st.sampled_from(["bytes", "entry", "settings", "stack", "weight", "code"]))
    if kind == "bytes":
        file.write_bytes(data.draw(damaged(checkpoint.read_bytes())))
    else:
        with nothing_outside(file.parent, canary):
            torch.save(_bad_checkpoint(data, kind, good, canary), file)
    with nothing_outside(file.parent, canary):
        message = refusal(CheckpointError, lambda: load_checkpoint(file))
        assert message is None or message.startswith(str(file))


def _bad_checkpoint(data: st.DataObject, kind: str, good: dict[str, Any], canary: Path) -> Any:
    name, values = good["params"]["nn_module"]
    stack, state = good["params"]["frame_stack"], good["nn_state_dict"]
    if kind == "entry":
        key = data.draw(st.sampled_from(sorted(good)))
        return {**good, key: data.draw(anything())}
    if kind == "settings":
        key = data.draw(st.sampled_from(sorted(values)))
        return {**good, "params": {**good["params"], "nn_module": (name, {**values, key: data.draw(anything())})}}
    if kind == "stack":
        key = data.draw(st.sampled_from(sorted(stack)))
        return {**good, "params": {**good["params"], "frame_stack": {**stack, key: data.draw(anything())}}}
    if kind == "weight":
        key = data.draw(st.sampled_from(sorted(state)))
        weight = state[key]
        others = [weight[None], weight * torch.nan, weight.to(torch.complex64), weight.to_sparse(), weight.bool()]
        return {**good, "nn_state_dict": {**state, key: data.draw(st.sampled_from([*others, Bomb(canary), None]))}}
    return data.draw(st.sampled_from([Bomb(canary), {**good, "params": Bomb(canary)}, [Bomb(canary)]]))


@fuzzed
@given(data=st.data())
def test_profiles(tmp_path: Path, data: st.DataObject) -> None:
    canary, file = tmp_path / "canary", tmp_path / "in" / "bad.yaml"
    file.parent.mkdir(exist_ok=True)
    text = (PROFILES / "smoke.yaml").read_text()
    content = yaml.safe_load(text)
    kind = data.draw(st.sampled_from(["bytes", "key", "inner", "text"]))
    if kind == "bytes":
        file.write_bytes(data.draw(damaged(text.encode())))
    elif kind == "text":
        file.write_text(data.draw(st.sampled_from(_bad_yaml(canary))))
    else:
        place = content
        if kind == "inner":
            place = content[data.draw(st.sampled_from([key for key in content if isinstance(content[key], dict)]))]
        place[data.draw(st.one_of(st.sampled_from(sorted(place)), st.text(max_size=5)))] = data.draw(anything())
        file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8", errors="surrogatepass")
    with nothing_outside(file.parent, canary):
        message = refusal(ProfileError, lambda: load_profile(str(file), PROFILES))
        if message is not None:
            assert message.startswith(str(file))
            # What is wrong with a profile is said before anything is done.
            assert str(file) in str(complaint("simulate", "--profile", file, "--out", tmp_path / "out"))


def _bad_yaml(canary: Path) -> list[str]:
    """YAML that runs code, grows without end, refers to itself, or nests without end."""
    laughs = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" if i else "a0: &a0 [1]" for i in range(12))
    return [
        f"!!python/object/apply:os.mkdir ['{canary}']",
        f"seed: !!python/object/apply:os.mkdir ['{canary}']",
        "seed: !!python/name:os.mkdir",
        f"notebooks: {{recordings: {{a: 1}}}}\n{laughs}",
        "notebooks: &a {recordings: *a}",
        "notebooks: &a [*a]",
        "[" * 5000,
        "seed: " + "{a: " * 3000,
        "seed: 1\nseed: 2\n---\nseed: 3",
        "? [a]\n: 1",
        "? {a: 1}\n: 1",
        "seed: .nan",
        "mask: {learning_rate: .nan}",
        "mask: {learning_rate: .inf}",
        "name: ../../../outside",
        "<<: {seed: 1}",
        "<<: 3",
        "seed: 0o17777777777777777777777777777777",
        "seed: " + "9" * 5000,
        "\x00",
        "seed: \x07",
        "%YAML 9.9\n--- {}",
    ]


UNIT = Unit("masks", "mouse", {"iterations": 3})


def _members() -> dict[str, bytes]:
    movie = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    names = np.array(["a", "b"], dtype=object)
    dataset = xr.Dataset({"movie": (("time", "y", "x"), movie)}, coords={"name": ("time", names)})
    root = Path(os.environ.get("TMPDIR", "/tmp")) / f"unit-{os.getpid()}"
    store = Store(root)
    store.save(UNIT, dataset, {})
    try:
        return opened(store.path(UNIT).read_bytes())
    finally:
        shutil.rmtree(root)


MEMBERS = _members()


@fuzzed
@given(data=st.data())
def test_units_with_a_valid_checksum(tmp_path: Path, data: st.DataObject) -> None:
    """Someone who can write to a shared folder can also compute a checksum."""
    store, canary = Store(tmp_path / "store"), tmp_path / "canary"
    members = dict(MEMBERS)
    name = data.draw(st.sampled_from(sorted(members)))
    kind = data.draw(st.sampled_from(["metadata", "bytes", "more", "old format"]))
    if kind == "metadata" and name.endswith("zarr.json"):
        members[name] = _other_metadata(data, json.loads(members[name]))
    elif kind == "more":
        more = st.sampled_from(
            ["../outside", "/tmp/outside", "movie/../../x", "movie/c/9/9/9", "zarr.json/x", ".zgroup"]
        )
        members[data.draw(more)] = data.draw(st.binary(max_size=20))
    elif kind == "old format":
        members = _old_format(canary)
    else:
        members[name] = data.draw(damaged(members[name]))
    path = store.path(UNIT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sealed(members))
    with nothing_outside(tmp_path / "store", canary):
        found = store.load(UNIT)
        assert found is None or isinstance(found, xr.Dataset)
        assert path.exists() == (found is not None)


def _other_metadata(data: st.DataObject, content: dict[str, Any]) -> bytes:
    key = data.draw(st.one_of(st.sampled_from(sorted(content)), st.text(max_size=5)))
    codecs = [{"name": name} for name in ("pickle", "numcodecs.pickle", "sharding_indexed", "zstd", "bytes", "gzip")]
    sizes = st.lists(st.sampled_from([0, -1, 2, 10**6, 10**12]), max_size=4)
    value = {"codecs": st.lists(st.sampled_from(codecs), max_size=3), "shape": sizes}.get(key, anything())
    return json.dumps({**content, key: data.draw(value)}, default=str).encode()


def _old_format(canary: Path) -> dict[str, bytes]:
    """Zarr's format 2 has a codec that unpickles."""
    import pickle

    array = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None, "order": "C"}
    return {
        "zarr.json": MEMBERS["zarr.json"],
        ".zgroup": b'{"zarr_format": 2}',
        ".zattrs": json.dumps(json.loads(MEMBERS["zarr.json"])["attributes"]).encode(),
        "movie/.zarray": json.dumps({**array, "fill_value": 0, "filters": [{"id": "pickle"}]}).encode(),
        "movie/0": pickle.dumps(Bomb(canary)),
    }


@fuzzed
@given(data=st.data(), name=st.sampled_from(["study.json", "digests.json", "summary.json"]))
def test_results_of_a_shared_folder(recording: Path, tmp_path: Path, data: st.DataObject, name: str) -> None:
    out, canary = tmp_path / "out", tmp_path / "canary"
    out.mkdir(exist_ok=True)
    good = {"profile": {"name": "smoke"}, "held_out": "fold:0", "recordings": [str(recording)]}
    (out / "study.json").write_text(json.dumps(good))
    content = {**good, data.draw(st.sampled_from(sorted(good))): data.draw(anything())}
    others = [json.dumps(content, default=str), json.dumps(data.draw(anything()), default=str), "[" * 5000]
    (out / name).write_bytes(data.draw(st.one_of(st.sampled_from(others).map(str.encode), st.binary(max_size=30))))
    with nothing_outside(out, canary):
        complaint("book", "--out", out)
        refusal(MovreconError, lambda: open_study(out).digests.of(recording / FILES[0]))
