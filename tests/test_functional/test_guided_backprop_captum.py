"""Guided back-propagation against captum, which propagates one class at a time to the image."""

import pytest
import torch
from torch import nn

from mmwsl.functional import recorded_layers


@pytest.mark.filterwarnings('ignore:Setting backward hooks on ReLU activations:UserWarning')
@pytest.mark.parametrize('batched', [False, True])
def test_gradients_of_the_image_agree_with_captum(batched):
    attr = pytest.importorskip('captum.attr', reason='captum is missing. Install it with: pip install captum')
    torch.manual_seed(0)
    convs = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(nn.Identity(), *convs, nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(32, 4)).double().eval()
    image = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    classes = torch.eye(4, dtype=torch.float64)[:, None].expand(4, 2, 4)  # one gradient for each class and image
    with recorded_layers(net, ['0'], True) as record:
        (gradients,) = record.gradients(net(image), classes, batched)
    reference = attr.GuidedBackprop(net)
    for c, gradient in enumerate(gradients):
        torch.testing.assert_close(gradient, reference.attribute(image.clone().requires_grad_(), target=c))
    plain = torch.autograd.grad(net(image.requires_grad_())[:, 0].sum(), image)[0]
    assert not torch.allclose(gradients[0], plain), 'guiding made no difference'
