"""Engine: hooks of the runner."""
