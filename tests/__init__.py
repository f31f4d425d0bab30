"""A package, so that no other `tests` among the installed ones is taken for it."""
