"""dlrun resume: going on with a run."""

import argparse

from dl_runner.cli.options import device_option, run_folder_of
from dl_runner.errors import UserError


def resume(argv: list[str]) -> None:
    """dlrun resume RUN: go on with a run that was interrupted, killed or failed."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "length", nargs="*", metavar="KEY=VALUE", help="trainer.epochs=N or trainer.steps=N for a longer run"
        )
        device_option(parser)
        parser.add_argument("--parallel", metavar="NAME", help="share it out in another way, such as none, ddp or fsdp")
        parser.add_argument(
            "--changed-code", action="store_true", help="go on although the code of the run's plugins has changed"
        )
        parser.add_argument("--devices", type=int, metavar="N", help="over so many devices")

    given = run_folder_of("resume", "Go on with a run from its last checkpoint.", argv, more)
    folder = given.run
    changed = {"name": given.parallel, "devices": given.devices}
    parallel = {key: value for key, value in changed.items() if value is not None}
    if given.parallel in ("none", "data_parallel") and given.devices is None:
        parallel["devices"] = None
    if given.parallel in ("none", "data_parallel"):  # one process has whole batches
        parallel["sync_batchnorm"] = False
    from dl_runner.config.stored import load_run
    from dl_runner.tracking.run_folder import RunRecord

    if RunRecord.load(folder)["status"] == "completed" and not given.length:
        print(f"{folder}: already completed; nothing to do")
        return
    if load_run(folder).lesson is not None:
        from dl_runner.running.lesson import go_on

        if given.device or parallel or given.length:
            raise UserError(f"resume {folder}: is a lesson, which goes on where it began; leave the options out")
        go_on(folder, changed_code=given.changed_code)
    else:
        from dl_runner.running.launch import resume as go_on_training

        options = {"changed_code": given.changed_code, "length": given.length}
        go_on_training(folder, device=given.device, parallel=parallel, **options)
