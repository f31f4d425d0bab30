"""Config files as the command line gives them."""

import difflib
import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log


def load_config(path: str | Path, options: dict | None = None, work_dir: str | None = None, task: str = '') -> Config:
    """Read a config file and give it a work folder.

    Args:
        path (str | Path): The config file.
        options (dict, optional): Settings that replace those of the file, keys in ``a.b`` form. Defaults to None.
        work_dir (str, optional): Where logs and checkpoints go. Defaults to None: the config's own ``work_dir``, or
            ``work_dirs/`` and the config's name, and in it the folder ``task``.
        task (str): What is done with the config. The runner writes the config it was given to the work folder, where
            that of the training must stay: whatever else is done has a folder of its own. Defaults to '', training.

    Returns:
        Config: The config.

    Raises:
        FileNotFoundError: If there is no such file; the message names the nearest ones.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'config={str(path)!r} does not exist. {nearest_configs(path)}')
    cfg = Config.fromfile(path)
    if options:
        cfg.merge_from_dict(options)
    cfg.work_dir = work_dir or str(Path(cfg.get('work_dir') or Path('work_dirs', path.stem), task))
    return cfg


def nearest_configs(path: Path) -> str:
    """Say which existing configs, beside the missing one or under ``configs/``, have a name like it."""
    found = [*path.parent.glob('*.py'), *Path('configs').rglob('*.py')]
    names = {config.stem: config for config in found if '_base_' not in config.parts}
    near = difflib.get_close_matches(path.stem, names, n=3, cutoff=0.5)
    if near:
        return f'Nearest names: {", ".join(str(names[name]) for name in near)}'
    return f'Give the path of a .py config file: neither {path.parent}/ nor configs/ has one with a like name.'


def enable_amp(cfg: Config) -> None:
    """Switch a config to automatic mixed precision, as MMSegmentation's ``--amp`` does.

    Args:
        cfg (Config): The config, changed in place.

    Raises:
        ValueError: If the optimizer wrapper is one that has no mixed-precision form.
    """
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper == 'AmpOptimWrapper':
        print_log('AMP training is already enabled in your config.', 'current', logging.WARNING)
        return
    if wrapper != 'OptimWrapper':
        raise ValueError(
            f"--amp replaces optim_wrapper.type='OptimWrapper', but the config has {wrapper!r}. Leave --amp out, or "
            'set the type to OptimWrapper.'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.loss_scale = 'dynamic'
