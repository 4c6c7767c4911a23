"""dl_runner from Python: `dl_runner.run`, `dl_runner.multirun`, `dl_runner.Run` and `dl_runner.runs`.

They do what the command lines do, raise what those print (`UserError`, `RunFailed`, `Interrupted`), and leave the
process as they found it. docs/python.md shows them at work.
"""
