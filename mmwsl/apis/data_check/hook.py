"""Hook that checks the data of a run before it starts."""

from typing import Any

from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmwsl.apis.launch import in_first_process
from mmwsl.datasets.data_files import image_files, leaf_datasets
from mmwsl.utils.console import log_warning

from .files import check_files
from .overlap import describe_overlap, shared_images, training_images

OVERLAP = 'overlap'
"""Key of the metrics for images that are trained on and evaluated."""
SHARED = 'overlap_images'
"""Key of their number: ``scalars.json`` of a training has no texts."""


class DataCheckHook(Hook):
    """Hook that rejects images and masks that cannot be used, and reports what training and evaluation share.

    It reads what the loops of the run will read, in the first process; see :func:`.files.check_files`. The text about
    shared images stands among the metrics, from where mmengine writes it to the log and to the JSON file of a test.
    """

    priority = 'HIGHEST'  # before RuntimeInfoHook, which stores the metrics

    def __init__(self) -> None:
        self.overlap, self.shared = '', 0

    def before_run(self, runner: Runner) -> None:
        """Check the data of all loops."""
        self.overlap, self.shared = in_first_process(lambda: self._check(runner))
        if self.overlap and dist.is_main_process():
            log_warning(f'{self.overlap}. Their metrics are overestimated.')

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Add the text to the metrics."""
        self._add(metrics)

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Add the text to the metrics."""
        self._add(metrics)

    def _check(self, runner: Runner) -> tuple[str, int]:
        loops = {name: getattr(runner, f'_{name}_loop', None) for name in ('train', 'val', 'test')}
        sets = {name: loop.dataloader.dataset for name, loop in loops.items() if isinstance(loop, BaseLoop)}
        ignored = {
            index
            for part in (*_metrics(loops), *runner.model.modules())
            if isinstance(index := getattr(part, 'ignore_index', None), int)
        }
        for dataset in sets.values():
            check_files(dataset, ignored)
        for name in sets:
            _check_ground_truth(name, loops[name])
        evaluated = 'test' if 'test' in sets and 'train' not in sets else 'val'
        images = _files(sets.get(evaluated))
        if not images:
            return '', 0
        try:
            trained = _files(sets['train']) if 'train' in sets else training_images(runner.cfg, images)
        except Exception as error:  # an evaluation does not need the training images
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            log_warning(f'The test images were not compared with the training images: {reason}')
            return '', 0
        text = 'validation' if evaluated == 'val' else 'test'
        shared = shared_images(trained, images)
        return describe_overlap(shared, len(images), text), len(shared)

    def _add(self, metrics: dict | None) -> None:
        if metrics is not None and self.overlap:
            metrics |= {OVERLAP: self.overlap, SHARED: self.shared}


def _check_ground_truth(name: str, loop: BaseLoop) -> None:
    """Check that the first image of a loop whose metrics compare masks comes with one."""
    compared = [metric for metric in _metrics({name: loop}) if isinstance(metric, IoUMetric) and not metric.format_only]
    if not compared or not len(loop.dataloader.dataset):
        return
    sample = (loop.dataloader.dataset[0] or {}).get('data_samples')
    views = sample if isinstance(sample, list) else [sample]  # of test-time augmentation
    if isinstance(views[0], SegDataSample) and 'gt_sem_seg' not in views[0]:
        raise ValueError(
            f'`{name}_dataloader.dataset.pipeline` must load the masks that {type(compared[0]).__name__} compares, got '
            "none. Add dict(type='LoadAnnotations') before the transform that packs, or remove the metric."
        )


def _metrics(loops: dict[str, Any]) -> list[Any]:
    evaluators = [getattr(loop, 'evaluator', None) for loop in loops.values()]
    return [metric for evaluator in evaluators for metric in getattr(evaluator, 'metrics', ())]


def _files(dataset: Any) -> list[str]:
    return [path for leaf in leaf_datasets(dataset) for path in image_files(leaf)]
