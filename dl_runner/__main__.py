"""`python -m dl_runner` is `dlrun`."""

from dl_runner.cli import main

main()
