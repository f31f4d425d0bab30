"""Bridges to packages that configs of mmwsl can use; imported by name only, see ``custom_imports`` of these configs."""
