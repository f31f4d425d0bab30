"""Scores of pictures, by the ordinary prediction of a model."""

from collections.abc import Sequence

from mmengine import dist
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.structures import SegDataSample

from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.engine.hooks import collect_provenance
from mmwsl.models import WeakEncoderDecoder

from .manifest import Manifest
from .pictures import Picture
from .store import MIN_SCORE, write_scores


class ScoreWriter(Hook):
    """Writes the scores of every picture that a test loop predicts, as soon as they are there.

    Args:
        pictures: The pictures by their ``img_path``.
        manifest: Gets the provenance of the scores.
        min_score: Of :func:`.store.compress_scores`.
    """

    def __init__(self, pictures: dict[str, Picture], manifest: Manifest, min_score: float = MIN_SCORE) -> None:
        self.pictures = pictures
        self.manifest = manifest
        self.min_score = min_score

    def before_test(self, runner: Runner) -> None:
        """Refuse a model whose ``seg_logits`` are no logarithms of scores; note what the scores owe to."""
        if not any(isinstance(module, WeakEncoderDecoder) for module in runner.model.modules()):
            raise TypeError('pseudo-labels are made by the chain of a weak segmentor: the config needs a model of '
                            f"type='mmwsl.WeakEncoderDecoder', but has {runner.cfg.model.type!r}.")
        if dist.is_main_process():
            self.manifest.update(provenance=collect_provenance(runner.model))

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence[SegDataSample]) -> None:
        """Write the scores of a batch."""
        for sample in outputs:
            path = self.pictures[sample.img_path].scores
            try:
                write_scores(path, sample.seg_logits.data.exp(), self.min_score)
            except ValueError as error:
                raise ValueError(f'picture {sample.img_path!r}: {error}') from error


def predict_scores(cfg: Config, checkpoint: str, pictures: Sequence[Picture], manifest: Manifest,
                   min_score: float = MIN_SCORE, launcher: str = 'none', trust_checkpoint: bool = False) -> None:
    """Predict pictures with a model, as a test does, and write their scores.

    Args:
        cfg: The config, of :func:`.pictures.choose_pictures`; changed in place.
        checkpoint: A file or an address.
        pictures: Those to predict, at least one; several processes share them.
        manifest: Gets the provenance of the scores.
        min_score: Of :func:`.store.compress_scores`.
        launcher: Who started the processes.
        trust_checkpoint: Whether to load a checkpoint that can run code.

    Raises:
        TypeError: If the model is not a weak segmentor.
        ValueError: If a picture cannot be read, or its scores leave [0, 1].
    """
    dataset = cfg.test_dataloader.dataset
    by_path = {picture.img_path: picture for picture in pictures}
    before = dataset.get('indices')
    todo = [picture.index for picture in pictures]
    dataset.indices = [before[index] for index in todo] if isinstance(before, Sequence) else todo
    cfg.test_evaluator = []
    cfg.load_from, cfg.resume = checkpoint, False
    with weights_only_loading(cfg, trust_checkpoint):
        runner = build_runner(cfg, launcher)
        runner.register_hook(ScoreWriter(by_path, manifest, min_score))
        runner.test()
