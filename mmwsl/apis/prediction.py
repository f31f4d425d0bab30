"""Predictions of single images for display."""

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmwsl.visualization import colorize_mask


@torch.no_grad()
def predict(runner: Runner, count: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Segment images spread evenly over the test set.

    Args:
        runner: Runner whose model is loaded.
        count: Number of images.

    Returns:
        Images, ground-truth masks and predicted masks, RGB ``(H, W, 3)`` uint8.
    """
    dataset = runner.test_dataloader.dataset
    palette = dataset.metainfo['palette']
    images: list[np.ndarray] = []
    ground_truth: list[np.ndarray] = []
    predictions: list[np.ndarray] = []
    runner.model.eval()
    for index in np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int):
        batch = pseudo_collate([dataset[index]])
        image = batch['inputs'][0].permute(1, 2, 0).numpy()
        images.append(image[..., ::-1] if runner.cfg.model.data_preprocessor.get('bgr_to_rgb') else image)
        sample = runner.model.test_step(batch)[0]
        for field, masks in (('gt_sem_seg', ground_truth), ('pred_sem_seg', predictions)):
            masks.append(colorize_mask(sample.get(field).data[0].cpu().numpy(), palette))
    return images, ground_truth, predictions
