"""Whether a checkpoint fits its config: parameters, their shapes and values, class names.

mmengine loads what fits and logs the rest, so that layers without weights stay random. :class:`CheckpointFitHook` is
registered with every runner, and the Inferencer calls the same functions.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from mmwsl.apis.checkpoint import meta_of
from mmwsl.apis.trained_settings import warn_changed_settings
from mmwsl.utils.console import log_warning

SHOWN = 3
"""Number of parameters or classes in a message."""

NESTED = 'model'
"""Key under which timm, DeiT and others keep the parameters."""
REPLACE = 'Pass the config that the checkpoint was trained with.'
RESUME = 'Resume with the config of that training, or start a new one with another --work-dir and load_from.'
FINE_TUNE = 'If you mean to fine-tune, pass --allow-mismatch: these parameters then start from their initialization.'


@dataclass(frozen=True)
class Fit:
    """Result of loading parameters into a network, by the names of the parameters.

    Attributes:
        loaded: Those with weights in the checkpoint.
        missing: Those without.
        reshaped: Those whose weights have another shape.
        unused: Weights that the network does not have.
    """

    loaded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reshaped: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def new(self) -> list[str]:
        """Parts of the network, such as a head or its aggregator, of which the checkpoint has no parameter."""
        known = {name for key in (*self.loaded, *self.reshaped, *self.unused) for name in _parts(key, 3)}
        fitting = {name for key in self.loaded for name in ('', *_parts(key, 3))}
        found: dict[str, None] = {}
        for key in self.missing:
            # The entry of a list of layers may be new in a head; a backbone is trained as a whole.
            names = _parts(key, 2 if key.startswith('backbone.') else 3)
            for outer, name in zip(('', *names), names, strict=False):
                if name not in known and outer in fitting:
                    found[name] = None
                    break
        return list(found)

    @property
    def dropped(self) -> list[str]:
        """Weights that a part of the network, such as its backbone, lacks; another part may be left out whole."""
        known = {_parts(key)[0] for key in (*self.loaded, *self.missing, *self.reshaped)}
        return [key for key in self.unused if _parts(key)[0] in known]


def load_parameters(model: nn.Module, state: Mapping[str, Tensor]) -> Fit:
    """Load parameters into a network as mmengine does, and return what fitted.

    Layers may rename the parameters of other files while they load them, so that names alone do not tell.
    """
    fit = Fit()
    errors: list[str] = []
    metadata = getattr(state, '_metadata', {})

    def load(module: nn.Module, own: dict[str, Tensor], prefix: str) -> None:
        details = metadata.get(prefix[:-1], {})
        module._load_from_state_dict(own, prefix, details, True, fit.missing, fit.unused, errors)
        buffers = module._buffers.keys() - module._non_persistent_buffers_set
        names = [*module._parameters, *(name for name in module._buffers if name in buffers)]
        fit.loaded.extend(prefix + name for name in names if prefix + name in own)
        for name, child in module._modules.items():
            if child is not None:
                start = f'{prefix}{name}.'
                load(child, {key: value for key, value in own.items() if key.startswith(start)}, start)

    load(unwrap(model), dict(state), '')
    reshaped = [match[1] for error in errors if (match := re.search(r'size mismatch for (\S+):', error))]
    counts = 'num_batches_tracked'  # torch adds them to older files
    return Fit(
        loaded=[name for name in fit.loaded if name not in reshaped and not name.endswith(counts)],
        missing=[name for name in fit.missing if not name.endswith(counts)],
        reshaped=reshaped,
        unused=[name for name in dict.fromkeys(fit.unused) if not name.endswith(counts)],
    )


def check_weights(
    model: nn.Module,
    checkpoint: dict[str, Any],
    name: str = 'weights',
    fix: str = REPLACE,
    training: bool = False,
    allow_mismatch: bool = False,
) -> Fit:
    """Check that a checkpoint has every parameter of a model, of the same shape and finite, and load it.

    Args:
        model: The model.
        checkpoint: The checkpoint; parameters under :data:`NESTED` are moved to where mmengine reads them.
        name: Its name in the message.
        fix: End of the message.
        training: Accept parts of the model that are not in the checkpoint at all.
        allow_mismatch: Accept a checkpoint of which at least one parameter fits.

    Returns:
        What was loaded.

    Raises:
        ValueError: If it does not fit, or a parameter is NaN or infinite.
    """
    if not parameters_of(checkpoint) and NESTED in checkpoint and (found := parameters_of(checkpoint[NESTED])):
        log_warning(f'{name}: its parameters are under the key {NESTED!r}, as timm writes them.')
        checkpoint['state_dict'] = found  # where mmengine reads them
    state = parameters_of(checkpoint)
    if not state:
        raise ValueError(f'`{name}` must contain parameters, got the keys {[*checkpoint][:SHOWN]}. Pass another file.')
    fit = load_parameters(model, state)
    bad = [key for key, value in state.items() if key not in fit.unused and not value.isfinite().all()]
    if bad:
        raise ValueError(
            f'`{name}` must be finite, got NaN or infinity in {len(bad)} of {len(state)} parameters: {_first(bad)}. '
            'Use an earlier checkpoint.'
        )
    floating = {key for key, value in unwrap(model).state_dict().items() if value.is_floating_point()}
    rounded = [key for key in fit.loaded if key in floating and key in state and not state[key].is_floating_point()]
    if rounded:
        raise ValueError(
            f'`{name}` must have floating point parameters, got integers in {len(rounded)} of them: {_first(rounded)}. '
            'Use an earlier checkpoint.'
        )
    if allow_mismatch and fit.loaded:
        return fit
    new = set(fit.new) if training else set()
    if wrong := [*fit.reshaped, *(key for key in fit.missing if not new.intersection(_parts(key, 3)))]:
        raise ValueError(
            f'`{name}` must fit the config, got {len(wrong)} of {len({*fit.loaded, *fit.missing, *wrong})} '
            f'parameters that are missing or of another shape: {_first(wrong)}. {fix}'
        )
    if fit.dropped:
        raise ValueError(
            f'`{name}` must fit the config, got {len(fit.dropped)} parameters that the network does not have: '
            f'{_first(fit.dropped)}. {fix}'
        )
    return fit


def parameters_of(checkpoint: Any) -> Mapping[str, Tensor]:
    """Return the tensors of a checkpoint by the names of the parameters."""
    checkpoint = checkpoint if isinstance(checkpoint, Mapping) else {}
    state = checkpoint.get('state_dict', checkpoint)
    found: OrderedDict[str, Tensor] = OrderedDict()
    found._metadata = getattr(state, '_metadata', {})  # type: ignore[attr-defined]  # versions of the layers
    found |= {key.removeprefix('module.'): value for key, value in state.items() if isinstance(value, Tensor)}
    return found


def recorded_classes(checkpoint: dict[str, Any]) -> list[str] | None:
    """Return the class names that a checkpoint stores, also one of MMSegmentation before 1.0; None without names."""
    meta = meta_of(checkpoint)
    parts = [part for part in (meta.get('dataset_meta'), meta) if isinstance(part, dict)]
    return next((list(part[key]) for part in parts for key in ('classes', 'CLASSES') if part.get(key)), None)


def check_classes(recorded: Sequence[str], classes: Sequence[str], key: str, fix: str) -> None:
    """Check that the class names of a config are those of its checkpoint, in the same order.

    Args:
        recorded: Class names of the checkpoint.
        classes: Class names of the config.
        key: Their key.
        fix: End of the message.

    Raises:
        ValueError: If they differ.
    """
    if list(recorded) == list(classes):
        return
    if len(recorded) != len(classes):
        found = f'{len(classes)} classes instead of {len(recorded)}'
    else:
        pairs = [(i, *pair) for i, pair in enumerate(zip(recorded, classes, strict=True)) if pair[0] != pair[1]]
        found = ', '.join(f'{new!r} instead of {old!r} at {i}' for i, old, new in pairs[:SHOWN])
    raise ValueError(f'`{key}` must be those of the checkpoint, {[*recorded]}, got {found}. {fix}')


def check_dataset_classes(runner: Runner) -> None:
    """Check that the network has as many classes as the training set, and that validation has the same ones.

    Raises:
        ValueError: If they differ.
    """
    loops = {'train': runner._train_loop, 'val': runner._val_loop}
    found = {}
    for split, loop in loops.items():
        dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
        if classes := (getattr(dataset, 'metainfo', None) or {}).get('classes'):
            found[split] = list(classes)
    count = getattr(unwrap(runner.model), 'num_classes', None)
    if 'train' in found and count is not None and count != len(found['train']):
        raise ValueError(
            f'`num_classes` of the heads must be the number of classes of the training set, {len(found["train"])}, got '
            f'{count}. Correct one of them.'
        )
    if len(found) == 2 and found['train'] != found['val']:
        raise ValueError(
            f'`val_dataloader.dataset.metainfo.classes` must be those of the training set, {found["train"]}, got '
            f'{found["val"]}. Correct the config.'
        )


def warn_without_classes(name: str) -> None:
    """Log that a checkpoint stores no class names, so that their order cannot be checked."""
    log_warning(f'{name} stores no class names. Check that its classes have the order of the config.')


class CheckpointFitHook(Hook):
    """Hook that rejects a checkpoint that does not fit the config, before the runner uses it.

    Args:
        allow_mismatch: Whether a training may load what fits, and start other parameters from their initialization.
    """

    priority = 'LOWEST'  # after the hooks that change the checkpoint, such as EMAHook

    def __init__(self, allow_mismatch: bool = False) -> None:
        self.allow_mismatch = allow_mismatch

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the checkpoint; see :func:`check_weights` and :func:`check_classes`."""
        training = not isinstance(runner._train_loop, dict | None) and not runner._resume
        fix = FINE_TUNE if training else RESUME if runner._resume else REPLACE
        name = str(runner._load_from)
        fit = check_weights(runner.model, checkpoint, name, fix, training, training and self.allow_mismatch)
        started = 'start from their initialization'
        if training and self.allow_mismatch and (random := [*fit.missing, *fit.reshaped]):
            log_warning(f'{name}: {len(fit.loaded)} parameters are loaded, {len(random)} {started}: {_first(random)}')
        elif fit.missing:
            log_warning(f'{name}: {len(fit.new)} new layers {started}: {_first(fit.new)}')
        if fit.unused and runner._resume:
            raise ValueError(
                f'`{name}` must fit the config, got {len(fit.unused)} parameters that the network does not have: '
                f'{_first(fit.unused)}. {fix}'
            )
        if fit.unused:
            log_warning(f'{name}: {len(fit.unused)} parameters are not in the network: {_first(fit.unused)}')
        if not training:
            warn_changed_settings(checkpoint, runner.cfg.model, name)
        self._check_classes(runner, checkpoint, name, training, fix)

    def _check_classes(self, runner: Runner, checkpoint: dict, name: str, training: bool, fix: str) -> None:
        loop = runner._train_loop if training or runner._resume else runner._test_loop
        dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
        classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
        recorded = recorded_classes(checkpoint)
        if recorded is None:
            warn_without_classes(name)
        elif classes and not (training and self.allow_mismatch):
            split = 'train' if training or runner._resume else 'test'
            correct = 'Correct the config.' if fix == REPLACE else fix
            check_classes(recorded, classes, f'{split}_dataloader.dataset.metainfo.classes', correct)


def unwrap(model: nn.Module) -> Any:
    """Return the segmentor within the wrappers of distributed training and test-time augmentation."""
    wrapped: Any = model
    while is_model_wrapper(wrapped) or isinstance(wrapped, BaseTTAModel):
        wrapped = wrapped.module
    return wrapped


def _parts(key: str, levels: int = 2) -> tuple[str, ...]:
    """Return the parts of the network that contain a parameter, the outermost first."""
    names = key.split('.')[:-1]
    return tuple('.'.join(names[: level + 1]) for level in range(min(levels, len(names)))) or (key,)


def _first(names: Sequence[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
