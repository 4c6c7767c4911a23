"""One file for each data set: where its examples come from."""
