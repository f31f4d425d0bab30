"""Predictions of single pictures, ready to be shown."""

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmwsl.apis.drawing import colour_mask


@torch.no_grad()
def predict(runner: Runner, count: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Segment pictures spread over the test set.

    Args:
        runner (Runner): A runner whose model is loaded.
        count (int): How many pictures.

    Returns:
        tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]: Pictures, true masks and predicted masks, RGB.
    """
    dataset = runner.test_dataloader.dataset
    palette = dataset.metainfo['palette']
    pictures, truths, predictions = [], [], []
    runner.model.eval()
    for index in np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int):
        batch = pseudo_collate([dataset[index]])
        picture = batch['inputs'][0].permute(1, 2, 0).numpy()  # (3, H, W) -> (H, W, 3)
        pictures.append(picture[..., ::-1] if runner.cfg.model.data_preprocessor.get('bgr_to_rgb') else picture)
        sample = runner.model.test_step(batch)[0]
        for field, masks in (('gt_sem_seg', truths), ('pred_sem_seg', predictions)):
            masks.append(colour_mask(sample.get(field).data[0].cpu().numpy(), palette))
    return pictures, truths, predictions
