"""A network that no test has to train, and images of several sizes to predict."""

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmwsl import apis
from mmwsl.datasets.synthetic import draw_layout, render_image

SIZES = {'a.png': 96, 'sub/a.png': 96, 'sub/b.png': 64, 'c.jpg': 80, 'd.png': 64, 'e.png': 96}


def write_weights(config, path, options=None, meta=None, pretrained=False, scale=100, **changed):
    """Write random weights whose last layer is enlarged, so that the masks have several classes."""
    cfg = apis.get_config(config)
    cfg.merge_from_dict(options or {})
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    if pretrained:
        model.init_weights()
    state = model.state_dict()
    name = 'decode_head.conv_seg.weight'
    state[name] = scale * state[name] / state[name].std()
    torch.save(dict(state_dict=state | changed, meta=meta or {}), path)
    return str(path)


def write_shapes(folder):
    """Write synthetic images, and return their folder."""
    for index, (name, size) in enumerate(SIZES.items()):
        scene = dict(seed=3, index=index, size=size)
        pixels = render_image(draw_layout(**scene), **scene)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels[: size - 8 * (index % 2), :, ::-1])).save(folder / name)
    return folder


def damage(path):
    """Cut an image file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
