"""The programs that are set side by side; each is started as `python -m benchmark.arms.NAME JOB`, JOB being JSON."""
