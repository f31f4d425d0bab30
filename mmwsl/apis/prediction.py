"""Predictions of single images, ready to be shown."""

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmwsl.apis.drawing import colorize_mask


@torch.no_grad()
def predict(runner: Runner, count: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Segment images spread over the test set.

    Args:
        runner (Runner): A runner whose model is loaded.
        count (int): How many images.

    Returns:
        tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]: Images, true masks and predicted masks, RGB.
    """
    dataset = runner.test_dataloader.dataset
    palette = dataset.metainfo['palette']
    images, truths, predictions = [], [], []
    runner.model.eval()
    for index in np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int):
        batch = pseudo_collate([dataset[index]])
        image = batch['inputs'][0].permute(1, 2, 0).numpy()  # (3, H, W) -> (H, W, 3)
        images.append(image[..., ::-1] if runner.cfg.model.data_preprocessor.get('bgr_to_rgb') else image)
        sample = runner.model.test_step(batch)[0]
        for field, masks in (('gt_sem_seg', truths), ('pred_sem_seg', predictions)):
            masks.append(colorize_mask(sample.get(field).data[0].cpu().numpy(), palette))
    return images, truths, predictions
