"""Splits, samplers, preparation, transforms, tokenizers, and the files of data sets."""
