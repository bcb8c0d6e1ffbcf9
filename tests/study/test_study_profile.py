"""Profiles: the shipped ones are valid, the paper's is the article's, and a bad one is named."""

import dataclasses
import json
from pathlib import Path

import pytest

from movrecon_core.book.parameters import check_parameters
from movrecon_core.errors import MovreconError, ProfileError
from movrecon_core.figures import Row, beside_published, published, rows_table
from movrecon_core.reconstruction import ReconstructionConfig, fast_config
from movrecon_core.storage.paths import NOTEBOOKS, PROFILES
from movrecon_core.study.profile import encoder_parameters, load_profile, parse_profile

SHIPPED = ["smoke", "demo", "paper", "paper-exact", "paper-published-weights"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profiles_are_valid(name: str) -> None:
    profile = load_profile(name, PROFILES)
    assert profile.name == name
    for notebook, parameters in profile.notebooks.items():
        check_parameters(NOTEBOOKS / f"{notebook}.ipynb", parameters)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_notebook_is_run(name: str) -> None:
    """But those that need somebody to look; `paper` does not plan, for which mice are simulated."""
    left_out = {"viewer", "quickstart"} | ({"planning"} if name.startswith("paper") else set())
    assert set(load_profile(name, PROFILES).notebooks) == {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - left_out


def test_the_paper_profile_has_the_published_sizes() -> None:
    profile = load_profile("paper", PROFILES)
    assert list(profile.reconstructed_mice or ()) == published("data_set.mice")
    assert profile.trials_per_mouse == published("data_set.movies_per_mouse")
    assert profile.held_out == "fold:0"
    assert profile.encoder.architecture == "dwiseneuro"
    parameters = encoder_parameters(profile.encoder, (10, 20))
    assert parameters["core_features"] == (64, 64, 64, 64, 128, 128, 128, 256, 256)
    assert parameters["readout_outputs"] == (10, 20)
    assert (profile.instances, profile.reconstruction.iterations, profile.mask.iterations) == (7, 1000, 1000)
    assert (profile.training.batch, profile.training.segments_per_epoch, profile.training.ema_decay) == (
        24,
        72_000,
        0.999,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sed: 1", r"unknown key 'sed'; did you mean 'seed'\?"),
        ("reconstruction: {iteratons: 3}", r"unknown key 'reconstruction.iteratons'; did you mean 'iterations'\?"),
        ("simulation: {neuron: {spontaneus: 0.1}}", "unknown key 'simulation.neuron.spontaneus'"),
        ("encoder: {parameters: {feature: [1, 2]}}", r"unknown key 'encoder.parameters.feature'; did you mean"),
        ("reconstruction: {learning_rate: 1e-4}", "'reconstruction.learning_rate': .*number.*'1e-4'"),
        ("instances: 0", "'instances': .*greater than or equal to 1"),
        ("instances: two", "'instances': .*valid integer"),
        ("instances: 2.5", "'instances': .*found 2.5"),
        ("seed: true", "'seed'"),
        ("reconstruction: {iterations: 0}", "iterations"),
        ("training: {batch: 0}", "'training.batch': expected 1 or more, found 0"),
        ("training: {learning_rate: 0.0}", "'training.learning_rate': expected above 0"),
        ("training: {cutmix_probability: 1.5}", "'training.cutmix_probability': expected 0 to 1"),
        ("planning: {training: {mice_per_batch: 0}}", "'planning.training.mice_per_batch': expected 1 or more"),
        (
            "training: {segment_frames: 64, skipped_frames: 64}",
            "'training.skipped_frames': expected fewer than the 64 frames of a segment, found 64",
        ),
        (
            "comparison: {encoder: {architecture: dwiseneuro}, training: {skipped_frames: 16}}",
            "'comparison.training.skipped_frames': expected fewer than the 16 frames",
        ),
        ("simulation: {imaging: {decay: 0.0}}", "'simulation.imaging.decay': .*greater than 0, found 0"),
        ("simulation: {imaging: {rise: 0.8}}", "rise: expected less than the decay of 0.8 s, found 0.8"),
        ("simulation: {behaviour: {bout_seconds: 0.0}}", "'simulation.behaviour.bout_seconds': .*greater than 0"),
        ("simulation: {variability: {gain_seconds: 0.0}}", "'simulation.variability.gain_seconds': .*greater than 0"),
        ("simulation: {neuron: {off_share: 1.5}}", "'simulation.neuron.off_share': .*less than or equal to 1"),
        ("reconstruction: {window_frames: 0}", r"bad\.yaml: .*window_frames must be at least 1"),
        ("reconstruction: {learning_rate: -1.0}", "learning_rate above 0"),
        ("reconstruction: {momentum: 1.0}", "momentum and second_moment must be 0 to below 1"),
        ("mask: {learning_rate: 0.0}", r"bad\.yaml: mask: learning_rate, .* above 0"),
        ("mask: {initial_maximum: 0.0}", "mask: learning_rate, initial_maximum, .* above 0"),
        ("reconstruction: {initial_grey: 256.0}", r"bad\.yaml: initial_grey must be 0 to 255"),
        ("reconstruction: {warm_up: -1}", r"bad\.yaml: .*warm_up at least 0"),
        ("training: {warm_up_epochs: 0, cosine_epochs: 0}", "'training.cosine_epochs': expected above 0 where"),
        ("resolution: {indicators: [GCaMP7]}", "'resolution.indicators.0': .*'GCaMP6f'.*found 'GCaMP7'"),
        ("resolution: {scan_rates: [60.0]}", "'resolution.scan_rates.0': .*less than or equal to 30"),
        ("resolution: {scan_rates: [2.0]}", "'resolution.scan_rates.0': .*greater than or equal to 3"),
        ("seed: 1\nnoise: {mice: 1}\nseed: 2", "the key 'seed' stands in line 1 and again in 3"),
        ("training:\n  batch: 3\n  batch: 4", "the key 'batch' stands in line 2 and again in 3"),
        ("[1, 2]", "expected keys and values, found list"),
        ("seed: [", "not readable as YAML"),
        ("!!python/object/apply:os.system ['true']", "not readable as YAML"),
    ],
)
def test_a_bad_profile_is_one_line_that_names_the_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(MovreconError, match=complaint) as error:
        load_profile(str(path), tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("architecture", "parameter", "value", "complaint"),
    [
        ("factorised", "features", [32, 0], r"features\.1': .*greater than or equal to 1, found 0"),
        ("factorised", "features", [32], r"features\.1': "),
        ("factorised", "temporal_filters", 0, "temporal_filters': .*greater than or equal to 1"),
        ("factorised", "first_frames", -2, "first_frames': .*found -2"),
        ("factorised", "first_kernel", 4, "first_kernel': .*should be odd, found 4"),
        ("factorised", "behavior_features", 0, "behavior_features': "),
        ("factorised", "drop_rate", 1.0, "drop_rate': .*less than 1"),
        ("factorised", "stack_frames", 0, "stack_frames': "),
        ("dwiseneuro", "core_features", [], "core_features': .*at least 1 item"),
        ("dwiseneuro", "core_features", [8, 16], "parameters': .*spatial_strides: expected one for each of the 2"),
        ("dwiseneuro", "cortex_features", [-4], r"cortex_features\.0': .*found -4"),
        ("dwiseneuro", "cortex_features", [9], "parameters': .*groups: expected a divisor"),
        ("dwiseneuro", "groups", 0, "groups': "),
        ("dwiseneuro", "se_reduce_ratio", 1000, "parameters': .*se_reduce_ratio: expected 448 or less"),
        ("dwiseneuro", "temporal_kernel", 2, "temporal_kernel': .*odd"),
        ("dwiseneuro", "softplus_beta", 0.0, "softplus_beta': .*greater than 0"),
        ("dwiseneuro", "stack_step", 0, "stack_step': "),
    ],
)
@pytest.mark.parametrize("section", ["encoder", "comparison.encoder"])
def test_sizes_of_which_no_encoder_can_be_built_are_named(
    section: str, architecture: str, parameter: str, value: object, complaint: str
) -> None:
    content = {"encoder": {"architecture": architecture, "parameters": {parameter: value}}}
    whole = {"name": "x", **content} if section == "encoder" else {"name": "x", "comparison": content}
    key = complaint if complaint.startswith("parameters'") else rf"parameters\.{complaint}"
    with pytest.raises(ProfileError, match=rf"^bad\.yaml: '{section}\.{key}") as error:
        parse_profile(whole, "bad.yaml")
    assert "\n" not in str(error.value)


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(
        ProfileError,
        match=r"huge.yaml: no such profile; valid: demo, paper, paper-exact, paper-published-weights, smoke",
    ):
        load_profile("huge", PROFILES)


def test_published_and_own_values_stand_side_by_side() -> None:
    rows = [
        Row("2", "video correlation", "correlation", published("figure_2.video_correlation.mean"), 0.5, 0.4, 0.61, n=9),
        Row("4", "entropy", "bits", ours=1234.5, stimulus="noise of 2 px", note="why"),
    ]
    table = beside_published(rows_table(rows)).data
    assert table.loc[("2", "video correlation")].tolist() == ["0.569", "0.5", "0.4 to 0.61", "9", ""]
    assert table.loc[("4", "entropy, noise of 2 px")].tolist() == ["–", "1234", "", "", "why"]
    with pytest.raises(KeyError):
        published("figure_2.no_such_value")


def test_a_method_is_its_settings_and_single_keys_beside_it_stay() -> None:
    named = {"name": "x", "reconstruction": {"method": "fast", "iterations": 20}}
    found = parse_profile(named, "x").reconstruction
    assert found == dataclasses.replace(fast_config(None), iterations=20)
    stacks = {"architecture": "dwiseneuro", "parameters": {"stack_frames": 8, "stack_step": 3}}
    found = parse_profile({**named, "encoder": stacks}, "x").reconstruction
    assert (found.window_frames, found.tiled_windows, found.learning_rate) == (24, True, 4000.0)
    assert parse_profile({"name": "x", "reconstruction": {"method": "published"}}, "x").reconstruction == (
        ReconstructionConfig()
    )
    beside = {"name": "x", "comparison": {"encoder": stacks, "reconstruction": {"method": "fast"}}}
    assert parse_profile(beside, "x").comparison.reconstruction == fast_config(8, 3)
    again = json.loads(parse_profile(named, "x").model_dump_json())
    assert parse_profile(again, "x") == parse_profile(named, "x")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"reconstruction": {"method": ["best"]}}, "reconstruction.method"),
        ({"reconstruction": {"method": "best"}, "encoder": {"architecture": ["x"]}}, "encoder.architecture"),
        ({"reconstruction": {"method": "best"}, "encoder": {"parameters": [1]}}, "encoder.parameters"),
        ({"simulation": {"neuron": {"simple_share": 0.8}}}, "simulation.neuron"),
        ({"cluster": {"walltime": "UNLIMITED"}}, "cluster.walltime"),
        ({"cluster": {"walltime": "1:2:3:4"}}, "cluster.walltime"),
    ],
)
def test_values_of_a_wrong_kind_are_one_line(content: dict[str, object], key: str) -> None:
    with pytest.raises(ProfileError, match=rf"^x\.yaml: '{key}"):
        parse_profile({"name": "x", **content}, "x.yaml")


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ProfileError, match=r"x.yaml: 'reconstruction.method'.*'quick'; choose published, fast, best"):
        parse_profile({"name": "x", "reconstruction": {"method": "quick"}}, "x.yaml")
