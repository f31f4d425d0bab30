"""Inference: how the scores of a network become a mask."""
