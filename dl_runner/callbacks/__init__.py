"""What may happen beside a training, one module a callback; see `dl_runner.training.hooks` for their form."""
