"""Sections of benchmarks/run.py: each has a function ``rows(device, folder)`` that yields its rows."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))  # the counter of reads is that of the tests
