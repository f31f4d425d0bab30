"""Start of every command; without any import of a library, such that an interruption is one line from here on."""

import sys


def start(command: str | None = None) -> None:
    """Run ``mmwsl``, or one of its commands as a script of ``tools/`` does.

    Args:
        command: Name of the command; None for the one that the arguments name.
    """
    try:
        from mmwsl.cli.interruption import was_interrupted, watch

        watch()
        try:
            from mmwsl.cli.main import main, run_command

            if command is None:
                main()
            else:
                run_command(command)
        except Exception:
            if was_interrupted():
                raise KeyboardInterrupt from None
            raise
    except KeyboardInterrupt:  # while the libraries are imported
        sys.exit(f'{command or "mmwsl"}: interrupted.')
