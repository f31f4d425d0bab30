"""Operations on an image of 375 x 500 pixels unless the row says otherwise, each against an installed peer."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from skimage.segmentation import slic
from torch import Tensor, nn
from torch.nn import functional as F

from mmwsl.functional import (
    affinity_random_walk,
    dense_crf,
    global_average_pool,
    lse_pool,
    pixel_adaptive_refinement,
    recorded_layers,
    shift_and_stitch,
    superpixel_mean,
)
from mmwsl.inference.dense import convert_to_dense, dense_scores

from .timing import Call, compared

SIZE = (375, 500)


def rows(device: torch.device, folder: Path) -> Iterator[dict]:
    """Measure the operations."""
    image = torch.from_numpy(np.array(Image.fromarray(skimage.data.astronaut()).resize(SIZE[::-1])))
    on_device = image.permute(2, 0, 1).contiguous().to(device)
    for labels in (21, 4):
        probs = smooth_scores(labels).to(device)
        own: dict[str, Call] = {'mmwsl': lambda probs=probs: dense_crf(probs, on_device)}
        peers = {} if device.type == 'cuda' else pydensecrf(probs, image.numpy())
        yield from compared(f'dense CRF, {labels} labels, 10 iterations', peers | own, device)
        refine: dict[str, Call] = {'mmwsl': lambda probs=probs: pixel_adaptive_refinement(probs, on_device)}
        yield from compared(f'PAMR, {labels} labels, 10 iterations', refine, device)
    probs = smooth_scores(21).to(device)
    walk: dict[str, Call] = {'mmwsl': lambda: affinity_random_walk(probs, on_device)}
    yield from compared('random walk, 21 labels', walk, device)
    superpixels = torch.from_numpy(slic(image.numpy(), 400, start_label=0)).to(device)
    yield from compared(
        'mean over superpixels, 21 labels', {'mmwsl': lambda: superpixel_mean(probs, superpixels)}, device
    )
    yield from compared('pooling of 16 x 21 x 41 x 41, forward and backward', poolings(device), device, 15)
    yield from compared('scores at every pixel, three poolings, 400 x 400', dense(device), device)
    yield from compared('guided back-propagation, ResNet-18, 224 x 224, 20 classes', guided(device), device)


def smooth_scores(labels: int) -> Tensor:
    """Return smooth probabilities, like those of a coarse score map."""
    coarse = torch.randn(1, labels, 12, 16, generator=torch.Generator().manual_seed(0))
    return (5 * F.interpolate(coarse, SIZE, mode='bilinear'))[0].softmax(0)


def pydensecrf(probs: Tensor, image: np.ndarray) -> dict[str, Call]:
    """Return the call of pydensecrf2, if it is installed."""
    try:
        from pydensecrf.densecrf import DenseCRF2D
    except ImportError:
        return {}
    energy = np.ascontiguousarray(-probs.clamp(min=1e-5).log().flatten(1).numpy())
    image = np.ascontiguousarray(image)

    def call() -> None:
        crf = DenseCRF2D(*SIZE[::-1], len(probs))
        crf.setUnaryEnergy(energy)
        crf.addPairwiseGaussian(sxy=3, compat=3)
        crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
        crf.inference(10)

    return {'pydensecrf2': call}


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


def dense(device: torch.device) -> dict[str, Call]:
    """Return the calls of shift-and-stitch and of dense inference, of a network of three poolings."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Conv2d(64, 21, 3)).eval().requires_grad_(False).to(device)
    image, converted = torch.randn(1, 3, 400, 400, device=device), convert_to_dense(model)
    return {
        'shift-and-stitch': lambda: shift_and_stitch(model, image, stride=8),
        'mmwsl': lambda: dense_scores(converted, image),
    }


def guided(device: torch.device) -> dict[str, Call]:
    """Return the calls of captum, if it is installed, and of mmwsl."""
    from mmseg.models.backbones import ResNet

    class Classifier(nn.Module):
        """ResNet-18 with global average pooling and a linear layer."""

        def __init__(self) -> None:
            super().__init__()
            self.image, self.backbone, self.fc = nn.Identity(), ResNet(depth=18, out_indices=(3,)), nn.Linear(512, 20)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.backbone(self.image(x))[0].mean((2, 3)))

    torch.manual_seed(0)
    model = Classifier().eval().to(device)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # captum cannot hook those
    image, outputs = torch.randn(1, 3, 224, 224, device=device), torch.eye(20, device=device)[:, None]

    def own() -> None:
        with recorded_layers(model, ['image'], guided=True) as record:
            record.gradients(model(image), outputs, batched=device.type == 'cuda')

    try:
        from captum.attr import GuidedBackprop
    except ImportError:
        return {'mmwsl': own}
    method = GuidedBackprop(model)

    def captum() -> None:
        for index in range(20):
            method.attribute(image.clone().requires_grad_(), target=index)

    return {'captum': captum, 'mmwsl': own}
