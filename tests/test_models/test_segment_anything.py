"""SAM from a folder: the same masks as the library's, the automatic masks of an image, the vote of prompted masks."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.functional import component_boxes, map_peaks, region_vote
from mmwsl.inference import AutomaticMaskRule, PromptedRegionVote, automatic_masks
from mmwsl.models import SegmentAnything
from tests.tiny_transformers import REASON, write_clip, write_sam

transformers = pytest.importorskip('transformers', reason=REASON)
SIDE = 64
SIZES = [(40, 64), (64, 64), (50, 30), (90, 41)]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return str(write_sam(tmp_path_factory.mktemp('models') / 'sam', side=SIDE))


@pytest.fixture(scope='module')
def model(folder):
    return SegmentAnything(folder)


def image_of(size, seed=0):
    """Return a smooth random BGR image."""
    torch.manual_seed(seed)
    return F.interpolate(torch.rand(1, 3, 5, 5), size, mode='bilinear')[0] * 255


@pytest.mark.parametrize('size', SIZES)
def test_masks_are_those_of_the_library(model, folder, size):
    image = image_of(size).round()
    points = torch.tensor([[3.0, 4.0], [20.0, 30.0]])
    boxes = torch.tensor([[2.0, 3.0, 20.0, 25.0]])
    encoded = model.encode(image)
    library = transformers.SamModel.from_pretrained(folder, attn_implementation='eager').eval()
    scale = SIDE / max(size)
    scaled = [int(side * scale + 0.5) for side in size]
    rgb = image.flip(0)[None] / 255
    if scaled != list(size):
        rgb = F.interpolate(rgb, scaled, mode='bilinear', antialias=True)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = torch.zeros(1, 3, SIDE, SIDE)
    pixels[:, :, : scaled[0], : scaled[1]] = (rgb - mean) / std
    factor = torch.tensor([scaled[1] / size[1], scaled[0] / size[0]])
    with torch.no_grad():
        torch.testing.assert_close(encoded.embedding, library.get_image_embeddings(pixels), atol=1e-5, rtol=1e-5)
        assert not torch.allclose(encoded.embedding, library.get_image_embeddings(pixels.flip(1)), atol=1e-3)
        expected = library(
            pixel_values=pixels,
            input_points=(points * factor)[None, :, None],
            input_labels=torch.ones(1, 2, 1, dtype=torch.long),
        )
        boxed = library(pixel_values=pixels, input_boxes=(boxes * factor.repeat(2))[None], multimask_output=False)
    logits, ious = model.prompt(encoded, points=points)
    assert logits.shape == (2, 3, SIDE // 2, SIDE // 2) and logits.std() > 1e-3
    torch.testing.assert_close(logits, expected.pred_masks[0], atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(ious, expected.iou_scores[0], atol=1e-3, rtol=1e-3)
    found, _ = model.prompt(encoded, boxes=boxes)
    assert found.shape == (1, 1, SIDE // 2, SIDE // 2)
    torch.testing.assert_close(found, boxed.pred_masks[0], atol=1e-5, rtol=1e-3)
    full = model.upsample(encoded, logits[0])
    assert full.shape == (3, *size)
    wide = F.interpolate(logits[:1], (SIDE, SIDE), mode='bilinear')[:, :, : scaled[0], : scaled[1]]
    torch.testing.assert_close(full[None], F.interpolate(wide, size, mode='bilinear'))


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_nothing_is_trained_and_half_precision_predicts(model, folder, dtype):
    model.train()
    assert not model.model.training and not any(parameter.requires_grad for parameter in model.parameters())
    image = image_of((40, 64))
    points = torch.tensor([[30.3, 20.0], [3.0, 4.6], [50.0, 11.7]])
    exact, _ = model.prompt(model.encode(image), points=points)
    half = SegmentAnything(folder, dtype=dtype)
    assert next(half.model.vision_encoder.parameters()).dtype == getattr(torch, dtype)
    logits, ious = half.prompt(half.encode(image), points=points)
    assert logits.dtype == ious.dtype == torch.float32 and logits.isfinite().all()
    assert np.corrcoef(exact.flatten(), logits.flatten())[0, 1] > 0.98


def test_wrong_folders_and_arguments_are_one_line(folder, tmp_path, model):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        SegmentAnything(str(tmp_path / 'none'))
    with pytest.raises(ValueError, match="must have a SAM model, got 'clip'"):
        SegmentAnything(str(write_clip(tmp_path / 'clip')))
    with pytest.raises(ValueError, match='`dtype` must be one of'):
        SegmentAnything(folder, dtype='float8')
    with pytest.raises(ValueError, match='`points` or `boxes` must be given'):
        model.prompt(model.encode(image_of((40, 64))))
    for name, value in (('points_per_side', 0), ('min_iou', 1.5), ('max_overlap', -1)):
        with pytest.raises(ValueError, match=f'`{name}` must be'):
            AutomaticMaskRule(**{name: value})


class Boxes:
    """A network whose masks of a point are nested boxes around it, with given predicted IoU."""

    def __init__(self, ious=(0.9, 0.95, 0.5), radii=(3, 6, 40), logit=10.0):
        self.ious, self.radii, self.logit = torch.tensor(ious), radii, logit

    def encode(self, image):
        self.size = tuple(image.shape[1:])
        return self

    def prompt(self, encoded, points):
        y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in self.size), indexing='ij')
        distance = torch.stack([(x - px).abs().maximum((y - py).abs()) for px, py in points])
        logits = torch.stack([torch.where(distance < radius, self.logit, -10.0) for radius in self.radii], 1)
        return logits, self.ious.expand(len(points), 3)

    def upsample(self, encoded, logits):
        return logits


def test_automatic_masks_pass_the_rule_and_do_not_repeat():
    image = torch.zeros(3, 32, 48)
    masks, scores = automatic_masks(Boxes(), image, AutomaticMaskRule(2, points_per_batch=3))
    # Four points, far apart: the two good masks of each, whose boxes overlap by 36 / 144 only.
    assert masks.shape == (8, 32, 48) and scores.tolist() == pytest.approx([0.95] * 4 + [0.9] * 4)
    assert sorted(masks.flatten(1).sum(1).tolist()) == [36] * 4 + [144] * 4
    masks, _ = automatic_masks(Boxes(), image, AutomaticMaskRule(2, max_overlap=0.2))
    assert masks.flatten(1).sum(1).tolist() == [144] * 4
    one, _ = automatic_masks(Boxes(), image, AutomaticMaskRule(16, min_iou=0.92))
    assert one.flatten(1).any(0).sum() > 600 and (one.flatten(1).sum(1) <= 144).all()


def test_an_image_without_a_good_mask_keeps_the_best_one():
    image = torch.zeros(3, 32, 48)
    masks, scores = automatic_masks(Boxes(), image, AutomaticMaskRule(2, min_iou=0.99))
    assert masks.shape[0] == 1 and scores.tolist() == pytest.approx([0.95]) and masks.sum() == 144
    masks, scores = automatic_masks(Boxes(logit=0.5), image, AutomaticMaskRule(2))  # none is stable
    assert masks.shape[0] == 1 and scores.tolist() == pytest.approx([0.95])
    masks, scores = automatic_masks(Boxes(logit=-1.0), image, AutomaticMaskRule(2))  # all are empty
    assert masks.all() and masks.shape == (1, 32, 48) and scores.tolist() == [0]


@pytest.mark.parametrize('prompts', ['points', 'boxes', 'both'])
def test_prompted_masks_vote(model, folder, prompts):
    image = image_of((40, 64)).byte()
    torch.manual_seed(1)
    probs = F.interpolate(torch.randn(1, 3, 4, 6) * 3, (40, 64), mode='bilinear')[0].softmax(0)
    sample = SegDataSample(image=PixelData(data=image))
    config = dict(type='mmwsl.SegmentAnything', folder=folder)
    step = PromptedRegionVote(config, prompts=prompts, min_iou=0.0, min_precision=0.3, tuned_on='my masks')
    assert step.provenance == dict(tuned_on='my masks')
    encoded, masks = model.encode(image), []
    labels = probs.argmax(0)
    assert labels.unique().tolist() == [0, 1, 2]
    for k in (1, 2):
        if prompts != 'boxes':
            logits, ious = model.prompt(encoded, points=map_peaks(probs[k], 0.5, 3, 5) + 0.5)
            best = [one[int(iou.argmax())] for one, iou in zip(logits, ious, strict=True) if iou.max() >= 0]
            masks += list(model.upsample(encoded, torch.stack(best)) > 0) if best else []
        if prompts != 'points':
            logits, ious = model.prompt(encoded, boxes=component_boxes(probs[k], 0.4))
            best = [one[0] for one, iou in zip(logits, ious, strict=True) if iou[0] >= 0]
            masks += list(model.upsample(encoded, torch.stack(best)) > 0) if best else []
    masks = [mask for mask in masks if mask.any()]
    # Each pixel is a superpixel of its own.
    atoms = torch.arange(40 * 64).view(40, 64)
    expected = labels
    if masks:
        expected = region_vote(labels, atoms, torch.stack(masks).flatten(1), min_precision=0.3)
    assert torch.equal(step(probs, sample).argmax(0), expected)


def test_a_map_of_background_prompts_nothing(folder):
    step = PromptedRegionVote(dict(type='mmwsl.SegmentAnything', folder=folder))
    probs = torch.zeros(3, 40, 64)
    probs[0] = 1
    assert torch.equal(step(probs, SegDataSample(image=PixelData(data=image_of((40, 64)).byte()))), probs)
    with pytest.raises(ValueError, match='must have the size of the scores'):
        step(probs, SegDataSample(image=PixelData(data=image_of((20, 64)).byte())))
    with pytest.raises(KeyError, match='KeepOriginalImage'):
        step(probs, SegDataSample())


@pytest.mark.parametrize(
    'arguments, words',
    [
        (dict(prompts='masks'), 'prompts'),
        (dict(peak_distance=0), '`peak_distance` must be'),
        (dict(min_iou=2), '`min_iou` in'),
        (dict(peak_threshold=1), '`threshold` must be'),
        (dict(max_points=0), '`max_points` must be'),
        (dict(field='regions'), '`field` must not be set'),
    ],
)
def test_wrong_arguments_of_the_vote_are_one_line(folder, arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        PromptedRegionVote(dict(type='mmwsl.SegmentAnything', folder=folder), **arguments)
