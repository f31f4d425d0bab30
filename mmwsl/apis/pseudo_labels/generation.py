"""Scores of images, by the ordinary prediction of a model."""

from collections.abc import Sequence

from mmengine import dist
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.models.segmentors import BaseSegmentor, SegTTAModel
from mmseg.structures import SegDataSample
from torch import nn

from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.apis.supervision import labels_tuned_on
from mmwsl.engine.hooks import collect_provenance
from mmwsl.models import WeakEncoderDecoder

from .images import ImageItem
from .manifest import Manifest
from .store import MIN_SCORE, write_scores


class ScoreWriter(Hook):
    """Writes the scores of every image that a test loop predicts, as soon as they are there.

    Args:
        images: The images by their ``img_path``.
        manifest: Gets the provenance of the scores.
        min_score: Of :func:`.store.compress_scores`.
    """

    def __init__(self, images: dict[str, ImageItem], manifest: Manifest, min_score: float = MIN_SCORE) -> None:
        self.images = images
        self.manifest = manifest
        self.min_score = min_score

    def before_test(self, runner: Runner) -> None:
        """Refuse a model that leaves no scores; note what the scores owe to."""
        check_model(runner.model)
        if dist.is_main_process():
            before = labels_tuned_on(runner.cfg)
            self.manifest.update(
                provenance={**collect_provenance(runner.model), **({'labels_tuned_on': before} if before else {})}
            )

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        """Write the scores of a batch."""
        for sample in outputs:
            path = self.images[sample.img_path].scores
            try:
                write_scores(path, sample.pred_scores.data, self.min_score)
            except ValueError as error:
                raise ValueError(f'image {sample.img_path!r}: {error}') from error


def check_model(model: nn.Module) -> None:
    """Raise unless ``seg_logits`` of a model's predictions are the logarithm of scores.

    Raises:
        TypeError: If the segmentor runs no chain, or its test-time augmentation leaves the scores of one view.
    """
    parts = list(model.modules())
    if any(isinstance(part, SegTTAModel) for part in parts):
        raise TypeError(
            "--tta needs all views in the scores, which mmseg's SegTTAModel does not write: use "
            "tta_model = dict(type='mmwsl.WeakSegTTAModel')"
        )
    segmentor = next((part for part in parts if isinstance(part, BaseSegmentor)), None)
    if not isinstance(segmentor, WeakEncoderDecoder):
        raise TypeError(
            'pseudo-labels are made of the scores that a chain leaves: the config needs a model of '
            "type='mmwsl.WeakEncoderDecoder' or 'mmwsl.PostprocessedEncoderDecoder', but has "
            f'{type(segmentor).__name__}.'
        )


def predict_scores(
    cfg: Config,
    checkpoint: str,
    images: Sequence[ImageItem],
    manifest: Manifest,
    min_score: float = MIN_SCORE,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
) -> None:
    """Predict images with a model, as a test does, and write their scores.

    Args:
        cfg: The config, of :func:`.images.select_images`; changed in place.
        checkpoint: A file or an address.
        images: Those to predict, at least one; several processes share them.
        manifest: Gets the provenance of the scores.
        min_score: Of :func:`.store.compress_scores`.
        launcher: Who started the processes.
        trust_checkpoint: Whether to load a checkpoint that can run code.

    Raises:
        TypeError: If the model is not one of :func:`check_model`.
        ValueError: If an image cannot be read, or its scores leave [0, 1].
    """
    dataset = cfg.test_dataloader.dataset
    by_path = {image.img_path: image for image in images}
    before = dataset.get('indices')
    todo = [image.index for image in images]
    indices = [before[index] for index in todo] if isinstance(before, Sequence) else todo
    # A copy: the caller's dataset stays that of all images.
    cfg.test_dataloader = dict(cfg.test_dataloader, dataset=dict(dataset, indices=indices))
    cfg.test_evaluator = []
    cfg.load_from, cfg.resume = checkpoint, False
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg, launcher)
        runner.register_hook(ScoreWriter(by_path, manifest, min_score))
        runner.test()
