"""dlrun repeat: a run once more."""

from dl_runner.cli.options import run_folder_of


def repeat(argv: list[str]) -> None:
    """dlrun repeat RUN: train a run once more in a new folder, and say whether the result is identical."""
    given = run_folder_of("repeat", "Train a run once more in a new folder, and compare the two.", argv)
    from dl_runner.running.again import repeat as again

    done = again(given.run)
    if not done.differences:
        print(f"identical: weights and metrics are those of {given.run} to the last bit")
    else:
        print(f"differs from {given.run}:")
        for difference in done.differences:
            print(f"  {difference}")
    for circumstance in done.circumstances:
        print(f"made otherwise: {circumstance}")
