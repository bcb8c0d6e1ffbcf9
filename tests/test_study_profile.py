"""Profiles: the shipped ones are valid, the paper's is the article's, and a bad one is named."""

from pathlib import Path

import pytest

from movrecon_core.book.notebooks import check_parameters
from movrecon_core.errors import MovreconError, ProfileError
from movrecon_core.figures import Row, beside_published, published, rows_table
from movrecon_core.study.paths import NOTEBOOKS, PROFILES
from movrecon_core.study.profile import encoder_parameters, load_profile

SHIPPED = ["smoke", "demo", "paper"]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profiles_are_valid(name: str) -> None:
    profile = load_profile(name, PROFILES)
    assert profile.name == name
    for notebook, parameters in profile.notebooks.items():
        check_parameters(NOTEBOOKS / f"{notebook}.ipynb", parameters)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_notebook_is_run(name: str) -> None:
    """But the viewer, which needs somebody to look; `paper` does not plan, for which mice are simulated."""
    left_out = {"viewer", "planning"} if name == "paper" else {"viewer"}
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


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(ProfileError, match=r"huge.yaml: no such profile; valid: demo, paper, smoke"):
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
