"""Sections of benchmarks/run.py: each has a function ``rows(device, folder)`` that yields its rows."""
