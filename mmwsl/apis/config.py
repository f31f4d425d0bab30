"""Config files: found by path or name, read, changed."""

import difflib
import os
import traceback
from pathlib import Path, PurePosixPath

import yaml
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmwsl.apis.config_check import merge_options
from mmwsl.engine.runner import filter_terminal

PACKAGE = Path(__file__).parents[1]
CHECKPOINTS = ('.pth', '.pt', '.ckpt')
"""Suffixes of checkpoints."""
SUFFIXES = ('.py', '.json', '.yaml', '.yml')
"""Suffixes of configs."""
CONFIGS_VARIABLE = 'MMWSL_CONFIGS'
"""Variable by which a config elsewhere inherits from mmwsl's: ``'{{$MMWSL_CONFIGS:...}}/folder/wsl_lse_folder.py'``."""


def config_folder() -> Path:
    """Return the folder of mmwsl's own configs: ``mmwsl/.mim/configs`` in a wheel, otherwise the checkout's."""
    packed = PACKAGE / '.mim' / 'configs'
    return packed if packed.is_dir() else PACKAGE.parent / 'configs'


def find_config(config: str | Path) -> Path:
    """Find a config file by its path, or one of mmwsl's configs by its name.

    Args:
        config: Path of a file, or a name such as ``wsl_lse_voc`` or ``configs/wsl_lse_voc.py``. A name may leave out
            the folders and ``.py``.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If there is neither; the message lists similar names.
        ValueError: If it is a checkpoint or a folder.
    """
    if Path(config).is_file() and Path(config).suffix not in CHECKPOINTS:
        return Path(config)
    name = PurePosixPath(str(config).removesuffix('.py') + '.py')
    parts = name.parts[1:] if name.parts[0] == 'configs' else name.parts
    for path in packed_configs():
        if path.relative_to(config_folder()).parts[-len(parts) :] == parts:
            return path
    if Path(config).suffix in CHECKPOINTS or os.path.isdir(config):
        kind = 'folder' if os.path.isdir(config) else 'checkpoint'
        raise ValueError(
            f'config must be a .py file or the name of a config, got the {kind} {str(config)!r}. Pass CONFIG first, '
            'then CHECKPOINT.'
        )
    if os.path.exists(config):
        raise ValueError(
            f'config must be a file {", ".join(SUFFIXES)}, got the pipe {str(config)!r}. Save it as a file.'
        )
    raise FileNotFoundError(f'config={str(config)!r} does not exist. {nearest_configs(Path(name))}')


def packed_configs() -> list[Path]:
    """List mmwsl's own configs, without the files that they inherit from."""
    return [path for path in sorted(config_folder().rglob('*.py')) if '_base_' not in path.parts]


def get_config(config: str | Path) -> Config:
    """Read a config file, named as in :func:`find_config`; see :func:`read_config`."""
    return read_config(find_config(config))


def read_config(path: Path) -> Config:
    """Read a config file.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If a file that it inherits from does not exist.
        ValueError: If it is no config, or its code raises an error; the message names the line.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f'config must be a file {", ".join(SUFFIXES)}, got {str(path)!r}.')
    os.environ.setdefault(CONFIGS_VARIABLE, config_folder().as_posix())
    try:
        if path.suffix in ('.yaml', '.yml'):
            yaml.safe_load(path.read_text())  # mmengine's loader would run code that the file names
        return Config.fromfile(path)
    except FileNotFoundError as error:
        project = (path.parent / 'summary.json').is_file()
        repair = 'Repeat its `mmwsl run`, which writes it again.' if project else 'Correct the file.'
        missing = repr(error.filename) if error.filename else f'a file ({error})'
        raise FileNotFoundError(f'config {str(path)!r} needs {missing}, which does not exist. {repair}') from error
    except OSError:
        raise
    except (Exception, SystemExit) as error:
        bases = [frame.name for frame in traceback.extract_tb(error.__traceback__)].count('_file2dict')
        cyclic = isinstance(error, RecursionError) and bases > 100
        reasons = _with_causes(error)
        calls = [frame.line or '' for reason in reasons for frame in traceback.extract_tb(reason.__traceback__)]
        imports = any("cfg_dict['custom_imports']" in call for call in calls)
        # The error of mmengine for a custom import lists the whole path of Python, and not what could not be imported.
        reason = next((reason for reason in reasons if not _of_mmengine(reason)), reasons[-1]) if imports else error
        frames = [frame for frame in traceback.extract_tb(reason.__traceback__) if frame.name == '<module>']
        place = f', line {frames[-1].lineno} of {frames[-1].filename}' if frames else ''
        text = 'it inherits from itself' if cyclic else f'{type(reason).__name__}: {reason}'
        if imports:
            form = ' must be dict(imports=[MODULE]), got' if isinstance(reason, TypeError) else ':'
            text = f'`custom_imports`{form} {text.rstrip(".")}'
        raise ValueError(f'config {str(path)!r} cannot be read: {text}{place}. Correct the file.') from error


def _with_causes(error: BaseException) -> list[BaseException]:
    """Return an error and those that it was raised for, the first of them last."""
    cause = error.__cause__ or error.__context__
    return [error] + ([] if cause is None else _with_causes(cause))


def _of_mmengine(error: BaseException) -> bool:
    """Tell whether code of mmengine raised an error."""
    return 'mmengine' in Path(traceback.extract_tb(error.__traceback__)[-1].filename).parts


def load_config(path: str | Path, options: dict | None = None, work_dir: str | None = None, task: str = '') -> Config:
    """Read a config file and set its work folder.

    Args:
        path: The config file, or the name of one of mmwsl's configs.
        options: Settings that override the file, keys in ``a.b`` form.
        work_dir: Folder for logs and checkpoints. The default is the config's own ``work_dir``, or ``work_dirs/`` and
            the config's name, each with the subfolder ``task``.
        task: Name of the subfolder, '' for training. The runner writes its config to the work folder, where that of
            the training must remain: any other task has its own folder.

    Returns:
        The config.

    Raises:
        FileNotFoundError: If the file does not exist; the message names files of similar names.
        ValueError: If a key of the config or of the options is unknown, see :func:`.config_check.merge_options`.
    """
    path = find_config(path)
    filter_terminal(MMLogger.get_current_instance())  # it tells each variable of the environment that a config names
    cfg = read_config(path)
    merge_options(cfg, options)
    cfg.work_dir = work_dir or str(Path(cfg.get('work_dir') or Path('work_dirs', path.stem), task))
    return cfg


def nearest_configs(path: Path) -> str:
    """Return a sentence with the configs of similar names: beside the missing file, in ``configs/``, and mmwsl's."""
    names = {config.stem: config.relative_to(config_folder()).with_suffix('') for config in packed_configs()}
    found = [*path.parent.glob('*.py'), *Path('configs').rglob('*.py')]
    names |= {config.stem: config for config in found if '_base_' not in config.parts}
    near = difflib.get_close_matches(path.stem, names, n=3, cutoff=0.5)
    if near:
        return f'Similar names: {", ".join(str(names[name]) for name in near)}'
    return (
        f'Pass the path of a .py config file, or the name of one of the configs in {config_folder()}: neither '
        f'{path.parent}/ nor configs/ has one with a similar name.'
    )
