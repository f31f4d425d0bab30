"""Folders and files that a command writes: nothing that the command did not make is replaced or removed."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .files import atomic_write, remove_partial_files
from .output_path import OutputError, check_apart, check_writable
from .text import first_five

RECORD = '.mmwsl_files'
"""File in an output folder that lists what each command made there."""
SYSTEM_FILES = ('Thumbs.db', 'desktop.ini')


class OutputFolder:
    """Folder whose content a command records before it writes it.

    A line of the file ``.mmwsl_files`` is a JSON list of a command and a path below the folder. All other files are
    someone else's.

    Args:
        root: The folder.
        command: The command, such as ``'mmwsl test --out'``.
        argument: Name of the argument, for errors.
        overwrite: Whether the folder may hold other files, which are only replaced by files of equal names, and results
            of an earlier run, which are removed.
        logs: Names of the files that the command writes before :meth:`begin`.
    """

    def __init__(
        self,
        root: str | Path,
        command: str,
        argument: str = '--out',
        overwrite: bool = False,
        logs: Iterable[str] = (),
    ) -> None:
        self.root, self.command, self.argument, self.overwrite = Path(root), command, argument, overwrite
        self.logs = {*logs, *SYSTEM_FILES}
        self._known: set[str] | None = None
        self._before: set[str] | None = None

    def check(self, inputs: Iterable[str | Path] = (), reuse: bool = False, names: Iterable[str] = ()) -> None:
        """Check, before any work, that nothing will be lost. Nothing is written.

        Args:
            inputs: Files and folders that the command reads. The folder must be apart from these, always.
            reuse: Whether the command resumes or refreshes its own earlier results.
            names: Paths below the folder that the command will make, as far as it knows them; ``name/`` is a subfolder
                in which it will make some.

        Raises:
            OutputError: If something would be lost, or the folder cannot be written.
        """
        check_apart(self.root, inputs, self.argument)
        check_writable(self.root, self.argument)
        names = list(names)
        self._check_links([*self.made(), *names])
        self._before = None if self.overwrite or reuse else self.made()
        if self.overwrite or not self.root.exists():
            return
        own = [name for name in self.made() if (self.root / name).exists()]
        if own and not reuse:
            raise OutputError(
                f'{self.argument} must be a new folder, got {str(self.root)!r} with {first_five(sorted(own))} of an '
                f'earlier run. Pass another folder{self._or_overwrite("to replace these results")}.'
            )
        foreign = [] if own else sorted(name for name in os.listdir(self.root) if not self._ignored(name))
        if foreign:
            raise OutputError(
                f'{self.argument} must be a new folder or hold results of `{self.command}`, got {str(self.root)!r} '
                f'with {first_five(foreign)}. Pass another folder{self._or_overwrite("to add the results")}.'
            )
        self._check_names(names)

    def begin(self, names: Iterable[str], keep: bool = False) -> None:
        """Record what the command is about to make, after all checks have passed.

        Args:
            names: Paths below the folder.
            keep: Whether results of an earlier run stay. Otherwise they are removed first.

        Raises:
            OutputError: If a file has one of the names and is not the command's, and ``overwrite`` is not set; or if
                another run of the command began in the meantime.
        """
        names = list(names)
        if self._before is not None and self.made() != self._before:
            raise OutputError(
                f'{self.argument} must be the folder of one run, got {str(self.root)!r}, in which another '
                f'`{self.command}` began. Pass another folder.'
            )
        self._check_names(names)
        self._check_links(names)
        remove_partial_files(self.root)
        if not keep:
            self.clear()
        self.add(*names)

    def add(self, *names: str) -> None:
        """Record more that the command is about to make, from any of its processes."""
        if self._known is None:
            self._known = self.made()
        if new := [name for name in dict.fromkeys(names) if name not in self._known]:
            self.root.mkdir(parents=True, exist_ok=True)
            lines = ''.join(f'{json.dumps([self.command, name])}\n' for name in new)
            with open(self.root / RECORD, 'a', encoding='utf-8') as file:
                file.write(f'\n{lines}')  # a line break first: an interrupted run may have left a partial line
            self._known.update(new)

    def made(self) -> set[str]:
        """Return what the command recorded."""
        return {name for command, name in self._lines() if command == self.command}

    def lost(self, subfolder: str) -> list[str]:
        """Return what a command recorded in a subfolder ``name/`` and is not there."""
        return sorted(
            name for _, name in self._lines() if name.startswith(subfolder) and not (self.root / name).exists()
        )

    def foreign(self) -> list[str]:
        """Return the files that no command recorded, with their names or those of their folders."""
        known = {name for _, name in self._lines()}
        files = (path.relative_to(self.root) for path in sorted(self.root.rglob('*')) if not path.is_dir())
        return [
            file.as_posix()
            for file in files
            if not any(map(self._ignored, file.parts)) and not known & {file.as_posix(), *map(str, file.parents)}
        ]

    def clear(self, subfolder: str = '') -> None:
        """Remove what the command recorded, in a subfolder ``name/`` or everywhere, and folders that are empty then."""
        made = {name for name in self.made() if name.startswith(subfolder)}
        for path in map(self.root.joinpath, made):
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
        for folder in sorted({parent for name in made for parent in Path(name).parents}, reverse=True):
            if folder != Path() and (self.root / folder).is_dir() and not any((self.root / folder).iterdir()):
                (self.root / folder).rmdir()
        if made:
            others = [line for line in self._lines() if line[0] != self.command or line[1] not in made]
            with atomic_write(self.root / RECORD) as file:
                file.write(''.join(f'{json.dumps(line)}\n' for line in others).encode())
        self._known = None

    def replace(self, subfolder: str, source: Path) -> None:
        """Replace what the command made in a subfolder ``name/`` by the files of another folder, which are moved."""
        files = filter(Path.is_file, source.rglob('*'))
        moved = {f'{subfolder}{path.relative_to(source).as_posix()}': path for path in files}
        self._check_names(moved)
        remove_partial_files(self.root)
        self.clear(subfolder)
        self.add(*moved)
        for name, path in moved.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, self.root / name)
        shutil.rmtree(source)

    def _lines(self) -> list[list[str]]:
        path, found = self.root / RECORD, []
        for line in path.read_text(encoding='utf-8', errors='replace').splitlines() if path.is_file() else ():
            try:
                command, name = json.loads(line)
                inside = Path(os.path.normpath(name))
                if not inside.is_absolute() and '..' not in inside.parts and inside != Path():
                    found.append([command, name])
            except (ValueError, TypeError):  # a partial line of an interrupted run
                continue
        return found

    def _check_names(self, names: Iterable[str]) -> None:
        known = self.made()
        taken = [name for name in names if name not in known | self.logs and self._foreign(name, known)]
        if taken and not self.overwrite:
            raise OutputError(
                f'{self.argument} must hold results of `{self.command}` only, got other files {first_five(taken)} in '
                f'{str(self.root)!r}. Move them away, or pass another folder.'
            )

    def _check_links(self, names: Iterable[str]) -> None:
        """Check that no subfolder is a link: files would be written and removed elsewhere."""
        for folder in sorted({parent for name in names for parent in (Path(name), *Path(name).parents)}):
            path = self.root / folder
            if folder != Path() and path.is_symlink() and path.is_dir():
                raise OutputError(
                    f'{self.argument} must not hold links to folders, got {str(path)!r}, which leads to '
                    f'{os.path.realpath(path)!r}. Remove the link, or pass another folder.'
                )

    def _or_overwrite(self, purpose: str) -> str:
        return f', or --overwrite {purpose}' if self.argument.startswith('--') else ''

    def _ignored(self, name: str) -> bool:
        return name.startswith('.') or name in self.logs or name.endswith('.part')

    def _foreign(self, name: str, known: set[str]) -> bool:
        """Tell whether a path exists, or if it is a subfolder ``name/``, whether it contains a file not recorded."""
        path = self.root / name
        if not (name.endswith('/') and path.is_dir()):
            return os.path.lexists(path)
        files = (file.relative_to(self.root).as_posix() for file in path.rglob('*') if not file.is_dir())
        return any(file not in known and not self._ignored(os.path.basename(file)) for file in files)
