"""Tables of noise, gratings and error maps: closed forms, and recomputed by hand from the arrays."""

import numpy as np
import pandas as pd
import pytest
from synthetic_study import SyntheticStudy

from movrecon_core.analysis import apparent_frequency, error_map, phase_parts, shown_error
from movrecon_core.errors import NothingToShowError, ProfileError
from movrecon_core.figures.fig4_gaussian_noise import noise_examples, noise_panels, noise_tables, noise_units
from movrecon_core.figures.fig4s1_gratings import grating_measures, grating_panels, grating_units
from movrecon_core.figures.fig6_error_maps import (
    differences,
    error_sizes,
    evoked_correlations,
    example_frames,
    one_frame_of_each,
    response_matrices,
)
from movrecon_core.figures.fig6_error_maps import rows as error_rows
from movrecon_core.figures.published import published, published_grid
from movrecon_core.figures.rows import rows_table
from movrecon_core.stimuli import NoiseStimulus
from movrecon_core.study.conditions import OWN_PREDICTION, PREDICTED, RECORDED


@pytest.fixture(scope="module")
def study():
    return SyntheticStudy()


@pytest.fixture(scope="module")
def noise(study):
    return noise_tables(study)


def correlated(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def inside(study, mouse, movie):
    """Pixels of a movie (T, 36 or 64, 64) that are evaluated in a mouse's mask, from frame 30 on."""
    rows = slice(14, 50) if movie.shape[1] == 64 else slice(None)
    return np.asarray(movie, dtype=float)[30:, rows][:, study.results.evaluation_mask(mouse)[14:50]]


def rows_of(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    return table


# Noise ------------------------------------------------------------------------------------------------------------


def test_noise_that_is_found_exactly(study, noise):
    found = rows_of(noise.measures, length=4.0)
    np.testing.assert_allclose(found["video_correlation"], 1, atol=1e-6)
    np.testing.assert_allclose(found["entropy"], found["true_entropy"], atol=0.02)
    np.testing.assert_allclose(found["motion_energy"], found["true_motion_energy"], rtol=1e-4)
    kept = rows_of(noise.phases, length=4.0)
    np.testing.assert_allclose(kept["phase_correlation"], -1, atol=1e-6)
    np.testing.assert_allclose(kept["insensitive_share"], 0, atol=1e-6)
    np.testing.assert_allclose(kept["flipping_correlation"], 1, atol=1e-6)


def test_noise_of_which_the_phase_is_lost(noise):
    lost = rows_of(noise.phases, length=0.5)
    assert len(lost) == 3 * 2 * 2 * 2  # mice, targets, durations, samples
    np.testing.assert_allclose(lost["phase_correlation"], 1, atol=1e-6)
    np.testing.assert_allclose(lost["insensitive_share"], 1, atol=1e-6)
    assert lost["flipping_correlation"].isna().all()


def test_correlations_and_gain_by_hand(study, noise):
    stimulus = NoiseStimulus(0.5, 4.0, 1, True)
    truth = study.movie(1, stimulus)
    single = study.results.instance_movies(1, stimulus, OWN_PREDICTION)
    row = rows_of(
        noise.measures, mouse="mouse 2", target="same instance", length=0.5, duration=4.0, sample=1, inverted=True
    ).iloc[0]
    together = correlated(inside(study, 1, truth), inside(study, 1, single.mean(axis=0)))
    alone = np.mean([correlated(inside(study, 1, truth), inside(study, 1, one)) for one in single])
    assert row["video_correlation"] == pytest.approx(together)
    assert row["ensembling_gain"] == pytest.approx(together - alone)


@pytest.mark.parametrize(("mouse", "neighbour"), [(1, 0), (0, 2)])
def test_the_scripts_mask_is_that_of_the_mouse_before(study, noise, mouse, neighbour):
    stimulus = NoiseStimulus(0.5, 0.5, 0, False)
    expected = correlated(
        inside(study, neighbour, study.movie(mouse, stimulus)), inside(study, neighbour, study.found(mouse, stimulus))
    )
    row = rows_of(
        noise.measures,
        mouse=f"mouse {mouse + 1}",
        target="same instance",
        length=0.5,
        duration=0.5,
        sample=0,
        inverted=False,
    ).iloc[0]
    assert row["neighbour_correlation"] == pytest.approx(expected, abs=1e-6)
    assert row["neighbour_correlation"] != pytest.approx(row["video_correlation"], abs=1e-4)


def test_entropy_and_motion_in_the_whole_square(study, noise):
    stimulus = NoiseStimulus(4.0, 0.5, 0, False)
    square = study.movie(0, stimulus)[30:, :, 14:50].astype(float)
    counts = [np.histogram(frame, 25, (0, 256))[0] / frame.size for frame in square]
    entropy = np.mean([-(p[p > 0] * np.log2(p[p > 0])).sum() for p in counts])
    row = rows_of(noise.measures, mouse="mouse 1", length=4.0, duration=0.5, sample=0, inverted=False).iloc[0]
    assert row["square_entropy"] == pytest.approx(entropy)
    assert row["square_motion_energy"] == pytest.approx(np.abs(np.diff(square, axis=0)).mean())


def test_entropy_and_motion_of_reconstructions_at_the_stimulus_contrast(study, noise):
    """Scripts: mean and s.d. over all pixels of the mask and all frames are the stimulus's, then cut to 0..255."""
    stimulus, inside = NoiseStimulus(4.0, 4.0, 0, False), study.results.evaluation_mask(1)[14:50]
    truth = study.movie(1, stimulus)[30:, inside].astype(float)
    found = study.results.instance_movies(1, stimulus, OWN_PREDICTION).mean(axis=0)[30:, 14:50][:, inside].astype(float)
    matched = np.clip((found - found.mean()) / found.std() * truth.std() + truth.mean(), 0, 255)
    counts = [np.histogram(frame, 25, (0, 256))[0] / frame.size for frame in matched]
    row = rows_of(noise.measures, mouse="mouse 2", target="same instance", length=4.0, duration=4.0, sample=0)
    row = rows_of(row, inverted=False).iloc[0]
    assert row["entropy"] == pytest.approx(np.mean([-(p[p > 0] * np.log2(p[p > 0])).sum() for p in counts]))
    assert row["motion_energy"] == pytest.approx(np.abs(np.diff(matched, axis=0)).mean())


def test_one_target_alone(study):
    assert set(noise_tables(study, ["ensemble"]).measures["target"]) == {"ensemble"}


def test_noise_panels_are_means_over_mice_beside_the_article(noise):
    panels = noise_panels(*noise, "same instance")
    shown = rows_of(noise.measures, target="same instance")
    cell = rows_of(panels["C"], length=0.5, duration=4.0).iloc[0]
    assert cell["value"] == pytest.approx(rows_of(shown, length=0.5, duration=4.0)["video_correlation"].mean())
    assert cell["beside"] == published("figure_4.video_correlation")[0][3]
    assert rows_of(panels["D"], length=4.0, duration=0.5)["beside"].item() == -0.53
    along = rows_of(panels["E"], mouse="mouse 3", length=0.5)["value"].item()
    assert along == pytest.approx(rows_of(shown, mouse="mouse 3", length=0.5)["video_correlation"].mean())
    assert len(panels["G"]) == 3 * 4
    reading = rows_of(panels["G"], mouse="mouse 1", reading="ensemble, mask one mouse off")["value"].item()
    expected = rows_of(noise.measures, mouse="mouse 1", target="ensemble")["neighbour_correlation"].mean()
    assert reading == pytest.approx(expected)
    alone = noise_panels(*(rows_of(table, mouse="mouse 1") for table in noise), "same instance")["G"]
    assert set(alone["reading"]) == {"same instance, own mask", "ensemble, own mask"}  # no mouse comes before


def test_frames_that_are_not_evaluated_are_not_shown(study):
    for frame in (15, 60):
        with pytest.raises(ProfileError, match=rf"frame {frame}: noise movies are evaluated from frame 30 to 59"):
            noise_examples(study, "same instance", 1, frame)


def test_published_tables_by_their_values():
    grid = published_grid("figure_4.video_correlation", "figure_4.spatial_length_px", "figure_4.temporal_length_frames")
    assert (grid[1, 2], grid[32, 0], grid[0, 32]) == (0.58, 0.53, 0.18)


def test_axes_in_degrees():
    units = noise_units().set_index("article's label")
    assert units.loc[0, "px"] == 0.5
    assert units.loc[2, "degrees"] == pytest.approx(6.76)
    assert units.loc[2, "scripts' axis (degrees)"] == pytest.approx(0.59)
    gratings = grating_units()
    np.testing.assert_allclose(gratings["cycles/degree"], gratings["cycles/px"] / 3.38, atol=1e-4)


def test_examples_are_shown_in_the_mask(study):
    found = noise_examples(study, "same instance", 1, 40)
    stimulus = rows_of(found["A"], length=4.0, duration=0.5)["grey"].to_numpy().reshape(36, 36)
    mask = study.results.evaluation_mask(1)[14:50, 14:50]
    expected = np.where(mask, study.movie(1, NoiseStimulus(4.0, 0.5))[40, :, 14:50], np.nan)
    np.testing.assert_allclose(stimulus, expected, atol=1e-3)


def test_phase_parts_of_equal_variance():
    """Where both reconstructions vary alike, the share that stays is (1 + r) / 2."""
    random = np.random.default_rng(0)
    common, flips = random.normal(size=(2, 40, 8, 8))
    mask = np.ones((8, 8), dtype=bool)
    upright, inverted = common + 2 * flips, common - 2 * flips
    parts = phase_parts(flips, upright, inverted, mask)
    assert parts.flipping == pytest.approx(1)
    assert parts.insensitive_share == pytest.approx(common.var() / (common.var() + 4 * flips.var()))
    assert parts.insensitive_share == pytest.approx((1 + parts.correlation) / 2, abs=0.02)


# Gratings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("frequency", [15.0, 11.25, 7.5, 3.75, 0.0])
def test_apparent_frequency_is_that_of_the_spectrum(step, frequency):
    samples = np.cos(2 * np.pi * frequency * np.arange(0, 240, step) / 30 + 0.3)
    spectrum = np.abs(np.fft.rfft(samples))
    found = np.fft.rfftfreq(len(samples), step / 30)[spectrum.argmax()]
    assert apparent_frequency(frequency, step) == pytest.approx(found)


def test_a_grating_of_15_hz_is_two_still_pictures(study):
    pixel = grating_panels(grating_measures(study), "same instance")["E"]
    still = rows_of(pixel, temporal_frequency=15.0).groupby("stack")["grey"]
    assert (still.nunique() == 1).all()
    assert still.first().nunique() == 2
    assert (rows_of(pixel, temporal_frequency=1.875).groupby("stack")["grey"].nunique() == 2).all()


def test_gratings_by_hand(study):
    measures = grating_measures(study)
    assert (measures["mouse"] == "mouse 1").all()
    good = measures[measures["temporal_frequency"] != 7.5]
    np.testing.assert_allclose(good["video_correlation"], 1, atol=1e-6)
    cell = rows_of(grating_panels(measures, "ensemble")["C"], spatial_frequency=0.0625, temporal_frequency=7.5).iloc[0]
    assert cell["beside"] == -0.02
    shown = rows_of(measures, target="ensemble", spatial_frequency=0.0625, temporal_frequency=7.5)
    assert cell["value"] == pytest.approx(shown["video_correlation"].mean())


def test_no_stimuli_or_another_target():
    study = SyntheticStudy()
    with pytest.raises(ProfileError, match="for mouse 5"):
        noise_examples(study, "same instance", 5, 40)
    study.gratings = []
    with pytest.raises(NothingToShowError, match="reconstructs no gratings"):
        grating_measures(study)


# Error maps -------------------------------------------------------------------------------------------------------


def test_error_maps_in_closed_form():
    mask = np.array([[True, True], [True, False]])
    error = error_map(np.full((1, 2, 2), 100.0), np.array([[[20.0, 150.0], [90.0, 0.0]]]), mask)
    np.testing.assert_array_equal(error[0], [[80, -50], [10, np.nan]])
    np.testing.assert_allclose(shown_error(error)[0], [[1, -0.5], [0, 0]])


def test_error_maps_by_hand(study):
    trial = study.numbers[1]
    recorded, expected = (study.results.reconstruction(0, trial, c).astype(float) for c in (RECORDED, PREDICTED))
    frame = 30 + 60 // 6  # the middle of the first of three parts of 60 frames
    mask = study.results.evaluation_mask(0)[14:50]
    shown = rows_of(example_frames(study, 0, trial, frames=3), seconds=round(frame / 30, 3))
    error = np.where(mask, recorded[frame] - expected[frame], np.nan)
    np.testing.assert_allclose(shown["error"].to_numpy().reshape(36, 64), error, atol=1e-3)
    np.testing.assert_allclose(shown["truth"].to_numpy().reshape(36, 64), study.movie(0, trial)[frame], atol=1e-3)
    as_found = np.where(mask, recorded[frame], np.nan)  # neither contrast nor luminance matched
    np.testing.assert_allclose(shown["recorded"].to_numpy().reshape(36, 64), as_found, atol=1e-3)
    values = (recorded - expected)[30:, mask]
    sizes = rows_of(error_sizes(study), mouse="mouse 1", trial=trial).iloc[0]
    assert sizes["mean_absolute"] == pytest.approx(np.abs(values).mean())
    assert (sizes["over"], sizes["under"]) == pytest.approx(((values > 25).mean(), (values < -25).mean()))
    assert one_frame_of_each(study).groupby("mouse")["trial"].nunique().tolist() == [2, 2, 2]


def test_evoked_correlations_by_hand(study):
    found = evoked_correlations(study).set_index(["mouse", "trial", "evoked by", "with"])["correlation"]
    responses = study.results.responses(1, 6).isel(time=slice(30, None))
    predicted = {name: responses["predicted"].sel(stimulus=name).values for name in ("true", "evoked", "expected")}
    key = ("mouse 2", 6, "reconstruction", "recorded")
    assert found[key] == pytest.approx(correlated(responses["recorded"], predicted["evoked"]), abs=1e-6)
    # The expected reconstruction's responses are a linear function of those to the true movie.
    assert found["mouse 2", 6, "expected reconstruction", "predicted"] == pytest.approx(1, abs=1e-6)
    assert ("mouse 2", 6, "true movie", "predicted") not in found.index


def test_difference_of_what_movies_evoke(study):
    """Panel C: r(recorded, predicted from the true movie) − r(recorded, predicted from the reconstruction)."""
    found = differences(evoked_correlations(study)).set_index(["mouse", "trial"])["difference"]
    responses = study.results.responses(2, 5).isel(time=slice(30, None))
    true, evoked = (responses["predicted"].sel(stimulus=name).values for name in ("true", "evoked"))
    expected = correlated(responses["recorded"], true) - correlated(responses["recorded"], evoked)
    assert found["mouse 3", 5] == pytest.approx(expected, abs=1e-6)
    assert len(found) == 6


def test_the_articles_response_correlations_are_of_the_largest_population_alone(study):
    """Populations padded with NaN to the largest, `corrcoef` over all, and `nanmean`, as in the authors' notebook."""
    size = max(study.results.responses(mouse, 5).sizes["neuron"] for mouse in range(3))
    values = []
    for mouse, trial in study.movies():
        found = study.results.responses(mouse, trial).isel(time=slice(30, None))
        pair = [found["recorded"].values, found["predicted"].sel(stimulus="evoked").values]
        padded = [np.pad(x, ((0, size - len(x)), (0, 0)), constant_values=np.nan).ravel() for x in pair]
        values.append(np.corrcoef(*padded)[0, 1])
    assert np.isfinite(values).sum() == 2  # of three mice with two movies each
    rows = rows_table(error_rows(evoked_correlations(study), seed=0)).set_index("quantity")
    name = "recorded responses and those evoked by the reconstruction"
    assert rows.loc[name, "ours"] == pytest.approx(np.nanmean(values), abs=1e-6)
    assert rows.loc[name, "published"] == 0.44212
    assert np.isnan(rows.loc[f"{name}, all mice", "published"])
    assert rows.loc[f"{name}, all mice", "n"] == 6


def test_response_matrices_are_standardised_and_of_the_best_predicted(study):
    table = response_matrices(study, 2, study.numbers[0], neurons=5)
    grouped = table.groupby(["responses", "neuron"])["z"]
    np.testing.assert_allclose(grouped.mean(), 0, atol=1e-2)
    np.testing.assert_allclose(grouped.std(ddof=0), 1, atol=1e-2)
    responses = study.results.responses(2, study.numbers[0]).isel(time=slice(30, None))
    pairs = zip(responses["recorded"].values, responses["predicted"].sel(stimulus="true").values, strict=True)
    quality = [correlated(*pair) for pair in pairs]
    assert list(pd.unique(table["neuron"])) == np.argsort(quality)[::-1][:5].tolist()
