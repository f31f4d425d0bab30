"""CLIP as the teacher of a project: scores of its images without training, from the names of its classes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsl.apis.config import CONFIGS_VARIABLE, config_folder, load_config
from mmwsl.apis.pseudo_labels.generate import differs_from
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.apis.pseudo_labels.masks import COMMAND
from mmwsl.datasets.classes import safe_palette
from mmwsl.engine.hooks.weights_only_checkpoint_hook import digest_value
from mmwsl.models.backbones.model_folder import read_model_config
from mmwsl.models.backbones.transformer_backbone import DTYPES as DTYPES  # the command reads it here
from mmwsl.utils.files import atomic_write, load_json
from mmwsl.utils.json_shape import check_shape
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import check_choice, first_five

from .configs import PROJECT, code, workers
from .layout import Project

BASE = 'clip/wsl_clipes_folder.py'
SIDE = 512
"""Longer side of an image for CLIP: attention needs memory with the fourth power of it."""
NONE = 'none'
"""Value of ``--teacher`` that returns to the network of the project."""
SELDOM = 0.1
"""Fraction of the images with a class below which its text is reported. Our choice: a class may be small."""
TEXTS = {'prompts?': {str: (str, [str])}, 'background_prompts?': [str], 'templates?': [str]}
"""Shape of a file of texts."""
CONFIG = """\
# Scores images by CLIP, which is not trained. Made by `mmwsl label --teacher`, an ordinary config: inherit from it.
_base_ = ['{{{{${variable}:{configs}}}}}/{base}']
data_root = {images!r}
folder = {folder!r}
classes = {classes!r}
palette = {palette}
images = dict(data_root=data_root, metainfo=dict(classes=classes, palette=palette))
workers = dict(num_workers={workers}, persistent_workers=True)
model = dict(
    data_preprocessor=dict(folder=folder, size_divisor={patch}),
    backbone=dict(folder=folder, dtype={dtype!r}),
    decode_head=dict(folder=folder, num_classes={count}, class_names=classes[1:], {texts}),
    inference=dict(class_maps=dict(attention_layers={layers}), postprocessors=[]),
)
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale=({side}, {side}), keep_ratio=True),
    dict(type='ResizeToMultiple', size_divisor={patch}, interpolation='bicubic'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
files = dict(img_path='', seg_map_path=None)
train = dict(data_prefix=files, label_file='{project}/data/train.jsonl')
val = dict(data_prefix=files, label_file='{project}/data/val.jsonl', pipeline=test_pipeline)
train_dataloader = dict(**workers, dataset=dict(**images, **train))
val_dataloader = dict(**workers, dataset=dict(**images, **val))
test_dataloader = val_dataloader
"""


@dataclass(frozen=True)
class Labeler:
    """Network that scores the images of a project.

    Attributes:
        cfg: Its config; the training set has all images without their masks.
        checkpoint: Its weights; None for a teacher, which has those of its folder.
        chosen: Whether a user asked for it now, so that scores of another network are replaced.
    """

    cfg: Config
    checkpoint: str | None
    chosen: bool = False

    @property
    def tta(self) -> bool:
        """Whether scores are the mean over views; those of CLIP-ES are of one view."""
        return self.checkpoint is not None

    def replaces(self, folder: Path) -> bool:
        """Tell whether the scores in a folder were made by another network and are to be replaced."""
        before = Manifest(folder).content.get('options')
        if before is None or not (self.chosen or before['tta'] != self.tta):
            return False
        return differs_from(folder, self.cfg, self.checkpoint, self.tta)


class RecordLabeler(Hook):
    """Hook that records the network of the scores, when the first ones are about to be written.

    It also counts the images in which a teacher recognizes a class that they are labeled with: its image-level
    probability is above those of the background and of all absent classes.

    Args:
        project: The project: it gets or loses ``teacher.py``, and the scores of validation images by another network.
        labeler: The network.
    """

    def __init__(self, project: Project, labeler: Labeler) -> None:
        self.project, self.labeler = project, labeler
        self.counts: dict[int, list[bool]] = {}

    def before_test(self, runner: Runner) -> None:
        """Record the network."""
        path, source = self.project.teacher_config, Path(self.labeler.cfg.filename)
        if self.labeler.checkpoint is not None:
            path.unlink(missing_ok=True)
        elif source != path:
            with atomic_write(path) as file:
                file.write(source.read_bytes())
        if self.labeler.replaces(self.project.val_labels):
            OutputFolder(self.project.val_labels, COMMAND).clear()

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Compare the image-level probabilities of a batch with the image-level labels."""
        for sample in outputs if self.labeler.checkpoint is None else ():
            probs, labels = sample.pred_label.raw_score, sample.gt_label.score.to(sample.pred_label.raw_score)
            highest = torch.cat([probs[:1], probs[1:][labels[1:] == 0]]).max()  # the background and absent classes
            for label in (1 + (labels[1:] == 1).nonzero().flatten()).tolist():
                self.counts.setdefault(label, []).append(bool(probs[label] > highest))

    def describe(self) -> str:
        """Return a line about the classes that the teacher seldom recognizes; '' if there are none."""
        seldom = [
            f'{self.labeler.cfg.classes[label]!r} ({sum(won)} of {len(won)})'
            for label, won in sorted(self.counts.items())
            if sum(won) < SELDOM * len(won)
        ]
        advice = 'the texts of the class or of the background may not fit. Pass others with --prompts FILE.'
        return f'CLIP seldom recognizes {first_five(seldom)} in images with that label: {advice}' if seldom else ''


def find_labeler(project: Project, chosen: bool = False) -> Labeler:
    """Return the teacher of a project, or its own network if it has none."""
    if project.teacher_config.is_file():
        return Labeler(load_config(project.teacher_config, work_dir=str(project.root / 'log')), None, chosen)
    return own_labeler(project, chosen)


def own_labeler(project: Project, chosen: bool = False) -> Labeler:
    """Return the trained network that generates the labels in the round of a project."""
    config, checkpoint = project.labeler()
    cfg = load_config(config, work_dir=str(project.root / 'log'))
    dataset = cfg.train_dataloader.dataset
    if 'datasets' in dataset:
        cfg.train_dataloader.dataset = dataset.datasets[-1]
    return Labeler(cfg, str(checkpoint), chosen)


@contextmanager
def chosen_labeler(
    project: Project, teacher: str | Path | None, prompts: str | Path | None = None, dtype: str | None = None
) -> Iterator[Labeler]:
    """Give the network that a user chose, with a config that exists within the block.

    Args:
        project: The project.
        teacher: Folder of a CLIP model; ``'none'`` is the network of the project, None the one that it used last.
        prompts: File of texts, see :func:`read_texts`.
        dtype: Precision of the image encoder, one of ``DTYPES``; None is ``'float32'``.

    Raises:
        FileNotFoundError: If the folder or the file does not exist.
        ImportError: If ``transformers`` is not installed.
        ValueError: If the folder has no CLIP, the file other texts, or the precision is another one.
    """
    for option, value in (('--prompts', prompts), ('--dtype', dtype)):
        if value is not None and (teacher is None or str(teacher) == NONE):
            raise ValueError(f'{option} must be given with --teacher FOLDER, got {str(value)!r} without one.')
    if teacher is None or str(teacher) == NONE:
        yield find_labeler(project) if teacher is None else own_labeler(project, chosen=True)
        return
    path = project.teacher_config.with_name(f'{project.teacher_config.stem}_trial.py')
    try:
        with atomic_write(path) as file:
            file.write(render_config(project, Path(teacher).absolute(), prompts, dtype or DTYPES[0]).encode())
        yield Labeler(load_config(path, work_dir=str(project.root / 'log')), None, chosen=True)
    finally:
        path.unlink(missing_ok=True)


def describe_labeler(project: Project) -> dict[str, Any]:
    """Return what the summary says about the teacher of a project; nothing if it has none."""
    path = project.teacher_config
    if not path.is_file():
        return {}
    # without the folder of the images, which may move
    lines = [line for line in path.read_text(encoding='utf-8').splitlines() if not line.startswith('data_root = ')]
    return dict(teacher=dict(folder=load_config(path).folder, config=digest_value(lines)))


def render_config(project: Project, folder: Path, prompts: str | Path | None, dtype: str) -> str:
    """Return the config of a CLIP that scores the images of a project; see :func:`chosen_labeler`."""
    if '{{' in str(folder):
        raise ValueError(f'--teacher must have no {{{{ in its path, got {str(folder)!r}. Rename the folder.')
    check_choice('--dtype', dtype, DTYPES)
    model = read_model_config(str(folder))
    if model.model_type != 'clip':
        raise ValueError(f'--teacher must be the folder of a CLIP model, got {model.model_type!r} in {str(folder)!r}.')
    summary = project.read_summary()
    classes = summary['classes']
    texts = read_texts(prompts, classes[1:])
    return CONFIG.format(
        variable=CONFIGS_VARIABLE,
        configs=config_folder().as_posix(),
        base=BASE,
        project=PROJECT,
        images=summary['data']['images'],
        folder=str(folder),
        dtype=dtype,
        classes=list(classes),
        palette=safe_palette(len(classes)),
        count=len(classes),
        workers=workers(),
        side=SIDE,
        patch=model.vision_config.patch_size,
        layers=min(8, model.vision_config.num_hidden_layers),
        texts=f'\n        prompts={texts["prompts"]!r},\n        background_prompts={texts["background_prompts"]!r},'
        f'\n        templates={code(texts["templates"])}',
    )


def read_texts(path: str | Path | None, names: Sequence[str]) -> dict[str, Any]:
    """Return the texts of classes and of the background.

    A class without a text in the file has that of CLIP-ES, if it is a class of VOC 2012, or its name, with blanks for
    underscores. Words for the background that name a class are left out of the default.

    Args:
        path: JSON file, an object with ``prompts`` (text or list of texts by class), ``background_prompts`` and
            ``templates``, each optional. None uses the defaults.
        names: Names of the foreground classes.

    Returns:
        ``prompts``, ``background_prompts`` and ``templates`` of :class:`mmwsl.models.TextSimilarityHead`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no such JSON, or names another class.
    """
    base = load_config(config_folder() / BASE)
    given: dict[str, Any] = {}
    if path is not None:
        if not Path(path).is_file():
            raise FileNotFoundError(f'--prompts {str(path)!r} is not a file. Pass a JSON file of texts.')
        advice = 'Correct the file.'
        given = load_json(path, '--prompts', advice=advice)
        check_shape(given, TEXTS, f'--prompts {str(path)!r}', advice)
        wrong = [key for key in given if f'{key}?' not in TEXTS] or [
            key for key in given.get('prompts', {}) if key not in names
        ]
        if wrong:
            known = [key.removesuffix('?') for key in TEXTS] if wrong[0] in given else list(names)
            raise ValueError(f'--prompts {str(path)!r} must have names of {known}, got {wrong[0]!r}. {advice}')
    texts = {name: name.replace('_', ' ') for name in names if '_' in name}
    texts |= {name: base.class_prompts[name] for name in names if name in base.class_prompts}
    taken = {name.replace('_', ' ').casefold() for name in names}
    words = [word for word in base.background_prompts if word.casefold() not in taken]
    return dict(
        prompts=texts | given.get('prompts', {}),
        background_prompts=given.get('background_prompts', words),
        templates=given.get('templates', list(base.templates)),
    )
