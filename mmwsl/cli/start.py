"""Start of every command; without any import, such that an interruption is one line from here on."""

import sys


def start(command: str | None = None) -> None:
    """Run ``mmwsl``, or one of its commands as a script of ``tools/`` does.

    Args:
        command: Name of the command; None for the one that the arguments name.
    """
    try:
        from mmwsl.cli.main import main, run_command

        if command is None:
            main()
        else:
            run_command(command)
    except KeyboardInterrupt:  # while the libraries are imported
        sys.exit(f'{command or "mmwsl"}: interrupted.')
