"""Models that are not trained: their weights are those of a folder, and they have no checkpoint."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmwsl.apis.registered import registered_class
from mmwsl.inference import find_segmentor
from mmwsl.registry import MODELS
from mmwsl.utils.files import digest_file
from mmwsl.utils.nested import dicts_in


def is_training_free(cfg: Config) -> bool:
    """Return whether the model of a config is not trained, also behind test-time augmentation."""
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = cfg.model.get('module') or cfg.model
    return bool(getattr(registered_class(model, MODELS), 'training_free', False))


def check_trainable(cfg: Config) -> None:
    """Check that the model of a config can be trained.

    Raises:
        ValueError: If it cannot.
    """
    if is_training_free(cfg):
        raise ValueError(
            f'`model.type` must be a model that is trained, got {cfg.model.type!r}. Write its pseudo-labels with '
            '`mmwsl generate-pseudo-labels`, and train another model on them.'
        )


def check_has_weights(cfg: Config, checkpoint: str | None) -> None:
    """Check that a model which is trained has a checkpoint.

    Raises:
        ValueError: If it has none.
    """
    if checkpoint is None and not is_training_free(cfg):
        raise ValueError(
            f'the checkpoint must be the file or URL of the weights of {cfg.model.type!r}, got none. Pass it after '
            'CONFIG.'
        )


def digest_model_folders(model: dict) -> dict[str, str]:
    """Return the SHA-256 of every file in the model folders of a config, by path."""
    folders = {part['folder'] for part in dicts_in(model) if isinstance(part.get('folder'), str)}
    files = sorted(path for folder in folders for path in Path(folder).glob('*') if path.is_file())
    return {str(path): digest_file(str(path)) for path in files}


class PromptClassesHook(Hook):
    """Hook that rejects a model with texts of other classes than those of the dataset, or in another order."""

    def before_train(self, runner: Runner) -> None:
        """Compare the names of the classes with those of the training set; see :meth:`before_test`."""
        self._compare(runner, runner.train_dataloader)

    def before_test(self, runner: Runner) -> None:
        """Compare the names of the classes.

        Raises:
            ValueError: If they differ.
        """
        self._compare(runner, runner.test_dataloader)

    def _compare(self, runner: Runner, loader: Any) -> None:
        segmentor: Any = find_segmentor(runner.model)
        names = getattr(getattr(segmentor, 'text_head', None), 'class_names', None)
        if names is None:
            return
        classes = loader.dataset.metainfo.get('classes')
        if classes and list(names) != list(classes[1:]):
            raise ValueError(
                f'the class names of the texts must be the classes of the dataset in its order, {list(classes[1:])}, '
                f'got {list(names)}. Correct it.'
            )
