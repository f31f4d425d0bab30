"""Scores of images, predicted by the inference pipeline of a model."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.engine.hooks import collect_provenance

from .items import ImageItem
from .manifest import Manifest
from .settings import Settings
from .store import write_scores

WRITERS = 2
"""Threads that write scores; NumPy compresses without Python's lock."""
MAX_PENDING = 4
"""Images whose scores are kept while they wait for a thread."""


class ScoreWriter(Hook):
    """Hook that writes the scores of every predicted image, while the next images are predicted.

    An error of a thread is raised within the test, when a later image or the end of the test waits for it.

    Args:
        settings: The settings.
        items: The images.
        manifest: Manifest that gets the provenance of the scores.
        begin: Called in every process before the first scores, when the checkpoint is known to fit.
        pool: Threads that write.
    """

    def __init__(
        self,
        settings: Settings,
        items: Sequence[ImageItem],
        manifest: Manifest,
        begin: Callable[[], None],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.settings, self.begin, self.pool = settings, begin, pool
        self.pending: deque[Future[None]] = deque()
        self.items = {item.img_path: item for item in items}
        self.manifest = manifest

    def before_test(self, runner: Runner) -> None:
        """Begin the folder, and record the supervision that the scores use."""
        self.begin()
        if dist.is_main_process():
            before = self.settings.labels_tuned_on
            labels = dict(labels_tuned_on=before) if before else {}
            self.manifest.update(provenance=collect_provenance(runner.model) | labels)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Hand the scores of a batch to the threads."""
        for sample in outputs:
            if len(self.pending) == MAX_PENDING:
                self.pending.popleft().result()
            self.pending.append(self.pool.submit(self._write, sample.img_path, sample.pred_scores.data))

    def after_test(self, runner: Runner) -> None:
        """Wait until all scores are written."""
        while self.pending:
            self.pending.popleft().result()

    def _write(self, path: str, scores: Tensor) -> None:
        item = self.items[path]
        try:
            write_scores(item.scores, scores, self.settings.min_score, item.name)
        except ValueError as error:
            raise ValueError(f'image {path!r}: {error}') from error


def predict_scores(
    settings: Settings,
    items: Sequence[ImageItem],
    manifest: Manifest,
    begin: Callable[[], None],
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    hooks: Sequence[Hook] = (),
) -> None:
    """Predict images as a test does, and write their scores.

    Args:
        settings: The settings.
        items: The images to predict, at least one; several processes share them.
        manifest: Manifest that gets the provenance of the scores.
        begin: See :class:`ScoreWriter`.
        launcher: What started the processes.
        trust_checkpoint: Whether to load a checkpoint that can run code.
        hooks: More hooks of the runner.

    Raises:
        ValueError: If an image cannot be read, or its scores are not in [0, 1].
    """
    cfg, dataset = settings.cfg, settings.dataset
    indices = [item.index for item in items]
    before = dataset.get('indices')
    if isinstance(before, Sequence):
        indices = [before[index] for index in indices]
    cfg.test_dataloader = dict(cfg.test_dataloader, dataset=dict(dataset, indices=indices))
    cfg.test_evaluator = []
    cfg.load_from, cfg.resume = settings.checkpoint, False
    with weights_only_loading(cfg, trust_checkpoint), ThreadPoolExecutor(WRITERS, 'scores') as pool:
        runner = build_runner(cfg, launcher)
        for hook in (ScoreWriter(settings, items, manifest, begin, pool), *hooks):
            runner.register_hook(hook)
        runner.test()
