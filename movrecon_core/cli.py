"""The command `movrecon`: a few verbs over the study."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movrecon_core.errors import MovreconError
from movrecon_core.process import ignore_display, ignore_working_folder, open_standard_streams, usable_home

# The verbs import what they need themselves: --help and errors do not wait for torch.
if TYPE_CHECKING:
    from movrecon_core.recordings import Recording
    from movrecon_core.study.profile import Profile

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    help="Movies reconstructed from the activity of mouse visual cortex: one command from a recording to the book.",
    epilog="Begin with `movrecon quickstart`, then `movrecon run --profile smoke --out results/smoke` (minutes: does "
    "it run?), then `movrecon run --out results/demo`; with --dry-run it only says what that costs. Your own mice: "
    "`movrecon check DIR`, then `movrecon run --recordings DIR --out DIR`; from other formats, `movrecon import`. "
    "Every verb goes on where it was stopped; `movrecon VERB --help` says more.",
    context_settings={"max_content_width": 110},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProfileOption = Annotated[str, typer.Option(help="smoke, demo, paper, or the path of a YAML file.")]
OutOption = Annotated[Path, typer.Option(help="Folder of the results, as results/demo; what is there stays.")]
RecordingsOption = Annotated[
    list[Path] | None,
    typer.Option(help="Directories of mice, or folders of such; without it the recordings are simulated."),
]
HeldOutOption = Annotated[
    str | None, typer.Option(help="Movies that no encoder is trained on: fold:0 to fold:6, or tier:NAME.")
]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default: a GPU where there is one.")]
FiguresOption = Annotated[Path | None, typer.Option(help="Folder of the figures; default: OUT/figures.")]

SchedulerOption = Annotated[
    str,
    typer.Option(
        help="Where units are computed: cores or gpus of this computer, local (this process), slurm, tcp://HOST:PORT."
    ),
]


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Folder of the notebook.")] = Path("results/quickstart"),
    page: Annotated[bool, typer.Option("--page", help="Execute it to a page in place of opening JupyterLab.")] = False,
) -> None:
    """Reconstruct a first movie on screen: nothing is needed but what comes with movrecon."""
    from movrecon_core.book.quickstart import execute_quickstart, has_display, open_quickstart

    if page or not has_display():
        print(execute_quickstart(out.resolve()))
    else:
        open_quickstart(out.resolve())


@app.command()
def simulate(profile: ProfileOption = "demo", *, out: OutOption) -> None:
    """Simulate the profile's mice and write their recordings to OUT."""
    from movrecon_core.simulation import simulate_recordings
    from movrecon_core.storage.files import require_writable

    settings = _profile(profile)
    require_writable(out)
    for recording in simulate_recordings(out, settings.simulation, settings.seed):
        print(recording.path)


@app.command()
def fetch(
    weights: Annotated[bool, typer.Option(help="The authors' weights and masks in place of the recordings.")] = False,
    mice: Annotated[list[str] | None, typer.Option(help="Beginnings of names; without it all ten mice.")] = None,
    archives: Annotated[Path | None, typer.Option(help="YAML file of addresses, in place of the article's.")] = None,
    show_only: Annotated[bool, typer.Option(help="Say how much it is and how much room there is, no more.")] = False,
    *,
    out: Annotated[Path, typer.Option(help="Folder that gets them; what is there is not fetched again.")],
) -> None:
    """Fetch the public recordings of the article, or its weights."""
    from movrecon_core.fetch import fetch as fetch_files
    from movrecon_core.fetch import load_archives

    fetch_files(out, load_archives(archives), weights, mice or (), show_only)


@app.command()
def check(
    recordings: Annotated[list[Path], typer.Argument(help="Directories of mice, or folders of such.")],
    held_out: HeldOutOption = None,
) -> None:
    """Look for every problem of some recordings: file, what was expected, what was found.

    With --held-out also whether that rule leaves movies to reconstruct and to train on.
    """
    from movrecon_core.recordings import open_recordings
    from movrecon_core.recordings.checks import report_recording

    total = 0
    for recording in open_recordings(recordings):
        report = report_recording(recording.path)
        problems = [str(problem) for problem in report.problems]
        size = f"{report.trials} trials, {report.trials_with_responses} with responses, {report.neurons} neurons"
        notes = report.notes()
        if held_out and not problems:
            problems, notes = _check_rule(recording, held_out, notes)
        total += len(problems)
        for problem in problems:
            print(problem)
        verdict = "sound" if not problems else f"problems: {len(problems)}"
        print("; ".join([f"{report.path}: {verdict}", size, *notes]))
    if total:
        raise MovreconError(f"{total} problem{'s' if total > 1 else ''} found")


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="experanto or nwb.")],
    source: Annotated[Path, typer.Argument(help="Folder or file.")],
    mapping: Annotated[Path | None, typer.Option("--map", help="YAML file: which name is what; see the book.")] = None,
    simulated: Annotated[bool, typer.Option("--simulated", help="Figures say that it was simulated.")] = False,
    *,
    out: Annotated[Path, typer.Option(help="The mouse's directory, which is made.")],
) -> None:
    """Write a recording of another format in the layout that is read here, and check it."""
    from movrecon_core.importers import import_recording

    check([import_recording(kind, source, out, mapping, simulated=simulated).path])


def _run_until(stage: str) -> Callable[..., None]:
    """A verb that runs the study up to one of its stages, by its name."""

    def verb(
        profile: ProfileOption = "demo",
        recordings: RecordingsOption = None,
        held_out: HeldOutOption = None,
        device: DeviceOption = None,
        scheduler: SchedulerOption = "cores",
        *,
        out: OutOption,
    ) -> None:
        from movrecon_core.study.run.pipeline import run_study

        run_study(_profile(profile), out, recordings or (), held_out, device=device, until=stage, scheduler=scheduler)

    return verb


app.command("train", help="Train the encoders.")(_run_until("evaluations"))
app.command("masks", help="Train the transparency masks and map receptive fields, after the encoders.")(
    _run_until("receptive_fields")
)
app.command("reconstruct", help="Reconstruct the held-out movies, after encoders and masks.")(_run_until("planning"))


@app.command()
def run(
    profile: ProfileOption = "demo",
    recordings: RecordingsOption = None,
    held_out: HeldOutOption = None,
    device: DeviceOption = None,
    figures: FiguresOption = None,
    scheduler: SchedulerOption = "cores",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many units, hours, GB it is, no more.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Every stage at its real widths, few steps; what the whole costs.")
    ] = False,
    *,
    out: OutOption,
) -> None:
    """Do everything: recordings, encoders, masks, reconstructions, figures, summary, book."""
    from movrecon_core.book.parameters import check_notebooks
    from movrecon_core.study.run.pipeline import require_device, run_study
    from movrecon_core.study.run.projection_table import projection_report, read_projection
    from movrecon_core.study.run.rehearse import run_rehearsal

    if dry_run:
        print(_forecast(_profile(profile), recordings or (), device))
        return
    settings, folder = _profile(profile), figures or out / "figures"
    check_notebooks(settings)
    compute = run_rehearsal if rehearse else run_study
    study = compute(settings, out, recordings or (), held_out, device, scheduler=scheduler)
    from movrecon_core.book.publish import publish  # seconds, for which no computing has to wait
    from movrecon_core.figures.summary import headline

    print(headline(publish(study, require_device(device), folder), out, folder))
    if rehearse:
        print(projection_report(read_projection(study.out)))


@app.command()
def status(
    deep: Annotated[bool, typer.Option("--deep", help="Read all results; damaged ones are set aside.")] = False,
    *,
    out: OutOption,
) -> None:
    """Say what is done, running, failed and remaining, the hours left, and which results are stale or damaged."""
    from movrecon_core.storage.status import read_status, report, set_damaged_aside

    folder = out.resolve()
    if deep:
        set_damaged_aside(folder)
    print(report(read_status(folder), folder))


@app.command()
def book(
    out: OutOption,
    figures: FiguresOption = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it to OUT/book.pdf too; needs Chromium.")] = False,
) -> None:
    """Build the book of a finished run again."""
    from movrecon_core.book.build import build_book
    from movrecon_core.book.pdf import print_book
    from movrecon_core.figures.summary import read_summary
    from movrecon_core.storage.locks import alone
    from movrecon_core.storage.paths import SUMMARY_FILE
    from movrecon_core.study.run.inventory import require_results
    from movrecon_core.study.study import open_study

    study = open_study(out)
    require_results(study)
    with alone(study.out):
        print(build_book(study, read_summary(study.out / SUMMARY_FILE), figures or study.out / "figures"))
        if pdf:
            print(print_book(study))


def main() -> None:
    """Run the command; what goes wrong is one line on the error stream and an exit code that is not 0."""
    open_standard_streams()
    try:
        with usable_home():
            ignore_display()
            ignore_working_folder()
            arguments = repeat_option(repeat_option(sys.argv[1:] or ["--help"], "--recordings"), "--mice")
            code = app(args=arguments, standalone_mode=False)
        if code == INTERRUPTED:  # typer has caught it
            raise KeyboardInterrupt
        raise SystemExit(code or 0)
    except typer.TyperException as error:  # an option or argument that is wrong, unknown or missing
        _fail(f"{error.format_message().rstrip('.')}; see movrecon --help", error.exit_code)
    except MovreconError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; the same command goes on from what was done", INTERRUPTED)


def repeat_option(arguments: list[str], option: str) -> list[str]:
    """Let one option take several values: ``--recordings A B`` means ``--recordings A --recordings B``."""
    repeated: list[str] = []
    inside = False
    for argument in arguments:
        if inside and not argument.startswith("-") and repeated[-1] != option:
            repeated.append(option)
        elif argument.startswith("-"):
            inside = argument == option
        repeated.append(argument)
    return repeated


def _check_rule(recording: "Recording", rule: str, notes: list[str]) -> tuple[list[str], list[str]]:
    """Problems of a sound recording with a rule for held-out movies; what is worth knowing of it."""
    from movrecon_core.recordings import split_trials
    from movrecon_core.study.stages.recordings import require_segments

    try:
        split = split_trials(recording, rule)
        require_segments(recording, rule, split)
    except MovreconError as error:
        return [str(error)], notes
    excluded = f" ({len(split.excluded)} more have a near-duplicate there)" if split.excluded else ""
    return [], [f"{len(split.held_out)} movies held out, {len(split.training)} to train on{excluded}", *notes]


def _profile(name: str) -> "Profile":
    from movrecon_core.storage.paths import PROFILES
    from movrecon_core.study.profile import load_profile

    return load_profile(name, PROFILES)


def _forecast(profile: "Profile", recordings: Sequence[Path], device: str | None) -> str:
    from movrecon_core.recordings import open_recordings
    from movrecon_core.study.run.forecast import forecast, forecast_report
    from movrecon_core.study.run.pipeline import require_device

    chosen = require_device(device)
    return forecast_report(forecast(profile, open_recordings(recordings) if recordings else (), chosen), chosen)


def _fail(message: str, code: int = 1) -> None:
    print(f"movrecon: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
