"""Numerical kernels: arrays in, arrays out; nothing here knows what a model is."""
