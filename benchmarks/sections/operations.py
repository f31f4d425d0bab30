"""Operations on an image of 375 x 500 pixels unless the row says otherwise, each against an installed peer."""

import math
from collections.abc import Iterator
from pathlib import Path

import saliency
import torch
from cases import dense as dense_case
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmwsl.functional import global_average_pool, lse_pool, recorded_layers, shift_and_stitch
from mmwsl.inference.dense import convert_to_dense, dense_scores
from mmwsl.models import FusedSegDataPreProcessor

from . import refinements
from .timing import Call, compared


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure the operations."""
    yield from refinements.rows(device)
    yield from compared('pooling of 16 x 21 x 41 x 41, forward and backward', poolings(device), device, 15)
    yield from compared('batch of 8 images, 375 x 500 padded to 512 x 512', batches(device), device, 15)
    yield from compared('scores at every pixel, three poolings, 400 x 400', dense(device), device)
    yield from compared('guided back-propagation, ResNet-18, 224 x 224, 20 classes', guided(device), device)


def poolings(device: torch.device) -> dict[str, Call]:
    """Return the calls of Log-Sum-Exp and of what it is compared with."""
    torch.manual_seed(0)
    scores = (4 * torch.randn(16, 21, 41, 41)).to(device).requires_grad_()
    pools = {
        'torch.logsumexp': lambda s: torch.logsumexp(5 * s.flatten(2), 2) / 5 - math.log(s[0, 0].numel()) / 5,
        'mmwsl, LSE': lambda s: lse_pool(s, 5.0),
        'mmwsl, GAP': global_average_pool,
    }
    return {
        name: lambda pool=pool: torch.autograd.grad(pool(scores).square().sum(), scores) for name, pool in pools.items()
    }


def batches(device: torch.device) -> dict[str, Call]:
    """Return the calls of mmseg's data preprocessor and of mmwsl's."""
    images = torch.randint(0, 256, (8, 3, 375, 500), dtype=torch.uint8)
    images = images.pin_memory() if device.type == 'cuda' else images
    settings = dict(size=(512, 512), mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
    calls: dict[str, Call] = {}
    for kind in (SegDataPreProcessor, FusedSegDataPreProcessor):
        part = kind(**settings).to(device)
        calls[kind.__name__] = lambda part=part: part(
            dict(inputs=list(images), data_samples=[SegDataSample() for _ in images]), training=True
        )
    return calls


def dense(device: torch.device) -> dict[str, Call]:
    """Return the calls of shift-and-stitch and of dense inference, of a network of three poolings."""
    model = dense_case.network().requires_grad_(False).to(device)
    image, converted = torch.randn(1, 3, 400, 400, device=device), convert_to_dense(model)
    return {
        'shift-and-stitch': lambda: shift_and_stitch(model, image, stride=8),
        'mmwsl': lambda: dense_scores(converted, image),
    }


def guided(device: torch.device) -> dict[str, Call | str]:
    """Return the calls of captum, if it is installed, and of mmwsl."""
    model, image = saliency.network().to(device), saliency.image(224).to(device)
    outputs = torch.eye(20, device=device)[:, None]

    def own() -> None:
        with recorded_layers(model, ['image'], guided=True) as record:
            record.gradients(model(image), outputs, batched=device.type == 'cuda')

    try:
        from captum.attr import GuidedBackprop
    except ImportError:
        return {'captum': 'captum is not installed', 'mmwsl': own}
    method = GuidedBackprop(model)

    def captum() -> None:
        for index in range(20):
            method.attribute(image.clone().requires_grad_(), target=index)

    return {'captum': captum, 'mmwsl': own}
