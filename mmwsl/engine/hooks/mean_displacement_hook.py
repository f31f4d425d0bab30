"""Hook that stores the mean displacement of a trained head."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from ...models import CachedBackbone, InterPixelRelationHead
from ...registry import HOOKS
from ...utils.metainfo import image_padding


@HOOKS.register_module()
class MeanDisplacementHook(Hook):
    """Hook that stores the mean displacement over the training set after the last iteration, for the last checkpoint.

    The loss of :class:`mmwsl.models.InterPixelRelationHead` uses differences of displacements only; evaluation
    subtracts their mean (IRN, Ahn et al., CVPR 2019). It is the mean over images of their mean over locations, in
    evaluation mode, for one draw of the training augmentation. Padding does not count. Earlier checkpoints have the
    mean 0.

    Raises:
        ValueError: Before the training, if the head predicts no displacements.
    """

    priority = 'NORMAL'  # before CheckpointHook

    def before_train(self, runner: Runner) -> None:
        """Check the head, before any training."""
        head = _unwrap(runner.model).decode_head
        if not getattr(head, 'predicts_displacements', False):
            raise ValueError(
                'MeanDisplacementHook: `model.decode_head` must predict displacements, got '
                f"{type(head).__name__}. Use type='mmwsl.InterPixelRelationHead' with `displacement_channels`, or "
                'remove the hook.'
            )

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Store the mean after the last iteration."""
        if self.is_last_train_iter(runner):
            store_mean_displacement(runner)


@torch.no_grad()
def store_mean_displacement(runner: Runner) -> None:
    """Store the mean displacement over the training set of a runner in the buffer of its head."""
    model = _unwrap(runner.model)
    head: InterPixelRelationHead = model.decode_head
    head.mean_displacement.zero_()
    loader = dict(
        runner.cfg.train_dataloader,
        dataset=runner.train_dataloader.dataset,
        sampler=dict(type='DefaultSampler', shuffle=False),
        persistent_workers=False,
    )
    model.eval()
    for module in model.modules():
        if isinstance(module, CachedBackbone):
            module.train()  # it reads its cache in training only; the backbone stays in evaluation mode
    total = head.mean_displacement.new_zeros(3, dtype=torch.float64)
    for batch in runner.build_dataloader(loader, seed=runner.seed):
        data = model.data_preprocessor(batch, True)
        fields = head(model.extract_feat(data['inputs']))[:, 1:].double()
        for field, sample in zip(fields, data['data_samples'], strict=True):
            means = _image_area(field, sample.metainfo, data['inputs'].shape[2:]).mean((1, 2))
            total += torch.cat([means, means.new_ones(1)])
    all_reduce(total)
    head.mean_displacement.copy_(total[:2] / total[2])
    model.train()


def _image_area(field: torch.Tensor, meta: dict, size: torch.Size) -> torch.Tensor:
    """Cut the padding from a field ``(2, h, w)`` of a padded image of a size."""
    left, right, top, bottom = image_padding(meta)
    edges = ((top, size[0] - bottom, size[0]), (left, size[1] - right, size[1]))
    rows, columns = (
        slice(round(low * count / length), max(round(high * count / length), round(low * count / length) + 1))
        for (low, high, length), count in zip(edges, field.shape[1:], strict=True)
    )
    return field[:, rows, columns]


def _unwrap(model: nn.Module) -> Any:
    return getattr(model, 'module', model)
