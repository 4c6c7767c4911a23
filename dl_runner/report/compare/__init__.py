"""The tables and pictures of `dlrun compare`."""
