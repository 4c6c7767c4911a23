"""`python -m dl_runner` is `dlrun`."""

from dl_runner.cli.app import main

main()
