"""One file for each architecture, or family of them."""
