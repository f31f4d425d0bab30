"""Work folder of a training: checkpoints of an earlier training do not mix with new ones."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsl.apis.checkpoint import meta_of
from mmwsl.apis.registered import is_subclass
from mmwsl.engine.hooks import MaskWriterHook, WeakSegVisualizationHook, WeightsOnlyCheckpointHook
from mmwsl.engine.hooks.weights_only_checkpoint_hook import digest_value
from mmwsl.registry import HOOKS
from mmwsl.utils.console import log_warning
from mmwsl.utils.nested import dataset_paths, digest_files, settings_in
from mmwsl.utils.output_path import OutputError, check_outside, check_writable
from mmwsl.utils.text import first_five, shorten

CHECKPOINT = re.compile(r'(best_.+_)?(epoch|iter)_\d+(-[0-9a-f]{8})?\.pth(\.part)?|last_checkpoint')
"""Names of the files that a training writes beside its logs."""
WRITERS = ('default_hooks', 'custom_hooks', 'visualizer', 'vis_backends', 'val_evaluator', 'test_evaluator', 'model')
FOLDER_KEYS = ('.out_dir', '.output_dir', '.save_dir', '.out_file_path', '.cache_dir')
"""Parts of a config that write files, and the ends of their settings that say where."""
RUN_KEYS = ('work_dir', 'load_from', 'resume', 'launcher', 'experiment_name', 'filename')
"""Keys of a config that differ between a run and its continuation."""


def check_folders(cfg: Config) -> None:
    """Check the folders that a config writes into: its work folder, and those of its parts.

    Raises:
        OutputError: If one is among the images, labels and masks, or the work folder cannot be written.
    """
    check_writable(cfg.work_dir, '--work-dir')
    inputs = dataset_paths(cfg)
    check_outside(cfg.work_dir, inputs)
    for setting, folder in output_folders(cfg):
        check_outside(folder, inputs, f'`{setting}`', flat=setting.endswith('.output_dir'))


def output_folders(cfg: Config) -> Iterator[tuple[str, str]]:
    """Yield the settings of ``WRITERS`` that name a folder or file to write, and their values.

    Those of our hooks that check their folders themselves are left out.
    """
    checked: tuple[str, ...] = ()
    for path, value in settings_in({key: cfg.get(key) for key in WRITERS}):
        if isinstance(value, dict) and is_subclass(value, HOOKS, (MaskWriterHook, WeakSegVisualizationHook)):
            checked += (f'{path}.',)
        if path.endswith(FOLDER_KEYS) and isinstance(value, str) and not path.startswith(checked):
            yield path, value


def check_work_folder(cfg: Config, overwrite: bool = False, resume: bool = False) -> list[Path]:
    """Check that the work folder has no checkpoint of an earlier training, unless it is resumed.

    Args:
        cfg: The config, with ``work_dir``.
        overwrite: Whether these may be removed.
        resume: Whether the earlier training is resumed: then nothing is removed.

    Returns:
        The files to remove once the new training starts.

    Raises:
        OutputError: If there are any and ``overwrite`` is not set, or a folder has the name of a file of a training.
    """
    found = [path for folder in checkpoint_folders(cfg) for path in earlier_files(folder, cfg)]
    if folders := [str(path) for path in found if path.is_dir()]:
        raise OutputError(
            f'--work-dir must have no folder where the training writes a file, got {first_five(folders)}. Move it '
            'away, or pass another --work-dir.'
        )
    if resume:
        return []
    checkpoints = [path.name for path in found if path.suffix == '.pth']
    if checkpoints and not overwrite:
        raise OutputError(
            f'--work-dir must have no checkpoint of an earlier training, got {str(cfg.work_dir)!r} with '
            f'{first_five(checkpoints)}. Continue with --resume, replace it with --overwrite, or pass another '
            '--work-dir.'
        )
    return found


def checkpoint_folders(cfg: Config) -> list[Path]:
    """Return the folders in which a training writes its checkpoints and the note on the last one."""
    out = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('out_dir')
    return [Path(cfg.work_dir)] + ([Path(out, Path(cfg.work_dir).name)] if out else [])


def earlier_files(folder: Path, cfg: Config) -> list[Path]:
    """Return the files of a folder with the names that a training of the config gives."""
    template = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('filename_tmpl')
    own = re.compile(r'\d+'.join(map(re.escape, template.split('{}')))) if template else CHECKPOINT
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in files if CHECKPOINT.fullmatch(path.name) or own.fullmatch(path.name)]


def keep_one_to_resume_from(cfg: Config) -> None:
    """Keep two checkpoints where a config keeps one, unless its hook writes before it removes.

    mmengine deletes the oldest checkpoint before it writes the next: with a single one, a training that is interrupted
    in between has nothing to resume from.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if hook.get('max_keep_ckpts') == 1 and not is_subclass(hook, HOOKS, WeightsOnlyCheckpointHook):
        hook['max_keep_ckpts'] = 2
        log_warning(
            'max_keep_ckpts=1 would delete the only checkpoint before the next is written. Two are kept.',
        )


def check_optimizer_state(state: dict, runner: Runner) -> None:
    """Check that the state of an optimizer is of the runner's kind of optimizer, and has the same parameters.

    Each kind has settings of its own. Where one side alone has some, it may be of another version of torch.

    Raises:
        ValueError: If both have settings that the other lacks, or other groups of parameters.
    """
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if optimizer is None or not state.get('param_groups'):
        return
    both = state['param_groups'], optimizer.param_groups
    before, now = ({*groups[0]} for groups in both)
    if before - now and now - before:
        raise ValueError(
            f'--resume: {runner._load_from} must have the state of {type(optimizer).__name__}, the optimizer of the '
            f'config, got one with {first_five(sorted(before - now))}. Resume with its config, or start a new training '
            'with its weights: `load_from`, and another --work-dir.'
        )
    stored, trained = ([len(group['params']) for group in groups] for groups in both)
    if stored != trained:
        raise ValueError(
            f'--resume: the optimizer of {runner._load_from} must have groups of {shorten(trained)} parameters, as '
            f'the config has, got {shorten(stored)}. Resume with its `paramwise_cfg` and frozen layers, or start a '
            'new training with its weights: `load_from`, and another --work-dir.'
        )


class EarlierTrainingHook(Hook):
    """Hook that keeps an earlier training and a new one apart when the new one starts.

    Args:
        files: Files of the earlier training, which are removed.
    """

    priority = 'LOWEST'  # after every check of the other hooks

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self.files = files

    def before_train(self, runner: Runner) -> None:
        """Remove the files of the earlier training."""
        if is_main_process():
            for path in self.files:
                path.unlink(missing_ok=True)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Reject another kind of optimizer; warn of another config, or if there is no state of the optimizer."""
        if runner._resume and not checkpoint.get('optimizer'):
            log_warning(
                f'--resume: {runner._load_from} has no state of the optimizer, which starts anew.',
            )
        if runner._resume:
            check_optimizer_state(checkpoint.get('optimizer') or {}, runner)
        files = meta_of(checkpoint).get('data_digests')
        if runner._resume and isinstance(files, dict):
            now = digest_files(runner.cfg.get('train_dataloader'))
            if changed := [path for path in now if path in files and files[path] != now[path]]:
                log_warning(
                    f'--resume: {first_five(changed)} changed since {runner._load_from} was written. The rest of the '
                    'training uses the new content.'
                )
        before = meta_of(checkpoint).get('config_digests')
        if not runner._resume or not isinstance(before, dict):
            return
        now = {key: digest_value(value) for key, value in runner.cfg.to_dict().items()}
        keys = sorted(key for key in before.keys() | now if before.get(key) != now.get(key) and key not in RUN_KEYS)
        if keys:
            log_warning(
                f'--resume: the config differs from that of {runner._load_from} in {first_five(keys)}. The rest of the '
                'training uses the new one.',
            )
