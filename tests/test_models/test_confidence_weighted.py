"""Pixels that count by the confidence of their pseudo-label, from the file to the loss."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.datasets.transforms import LoadConfidence
from mmwsl.registry import MODELS, TRANSFORMS

HEAD = dict(
    type='FCNHead',
    in_channels=4,
    channels=4,
    num_convs=0,
    concat_input=False,
    num_classes=3,
    dropout_ratio=0.0,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
ROBUST = dict(HEAD, loss_decode=dict(type='mmwsl.RobustCrossEntropyLoss'))
HEADS = pytest.mark.parametrize('head', [HEAD, ROBUST], ids=['mmseg', 'mmwsl'])


def build(kind='mmwsl.ConfidenceWeightedSegmentor', head=HEAD, **settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type=kind,
            data_preprocessor=dict(type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, size=(16, 16)),
            backbone=dict(type='mmwsl.PlainCNN', channels=(4, 4), strides=(2, 1)),
            decode_head=head,
            test_cfg=dict(mode='whole'),
            **settings,
        )
    )


def batch(model, *weights, size=(16, 12)):
    """One image for each weight map, with random labels of which some are ignored."""
    generator = torch.manual_seed(0)
    images = [torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator) for _ in weights]
    samples = []
    for weight in weights:
        mask = torch.randint(0, 3, (1, *size), generator=generator)
        mask[:, :3] = 255
        sample = SegDataSample(metainfo=dict(img_shape=size), gt_sem_seg=PixelData(data=mask))
        if weight is not None:
            sample.confidence = PixelData(data=torch.as_tensor(weight, dtype=torch.float32).expand(1, *size).clone())
        samples.append(sample)
    return model.data_preprocessor(dict(inputs=images, data_samples=samples), training=True)


def loss_of(model, data):
    return model.parse_losses(model(**data, mode='loss'))[0]


@HEADS
def test_the_loss_is_the_weighted_mean_over_the_labeled_pixels(head):
    model = build(head=head)
    weights = torch.rand(2, 16, 12, generator=torch.manual_seed(1))
    data = batch(model, *weights)
    logits = F.interpolate(model.decode_head(model.extract_feat(data['inputs'])), (16, 16), mode='bilinear')
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['data_samples']])
    losses = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')[..., :12]
    used = labels[..., :12] != 255
    expected = (weights * losses)[used].sum() / weights[used].sum()
    torch.testing.assert_close(loss_of(model, data), expected)
    assert model.decode_head.sampler is None


@HEADS
@pytest.mark.parametrize('weight', [1.0, 0.3])
def test_equal_weights_give_the_plain_loss(head, weight):
    model, plain = build(head=head), build('EncoderDecoder', head=head)
    data = batch(model, weight, weight)
    torch.testing.assert_close(loss_of(model, data), loss_of(plain, data))


@HEADS
def test_pixels_without_weight_have_no_loss_and_no_gradient(head):
    model = build(head=head)
    value = loss_of(model, batch(model, 0.0, 0.0))
    value.backward()
    assert value == 0 and not any(one.grad is not None and one.grad.any() for one in model.parameters())


def test_auxiliary_heads_are_weighted_too():
    model = build(auxiliary_head=[dict(HEAD), dict(HEAD)]).eval()  # without the statistics of the batch
    data = batch(model, 0.0, 1.0)
    second = {key: value[1:] for key, value in data.items()}
    both, alone = model(**data, mode='loss'), model(**second, mode='loss')
    for name in ('decode.loss_ce', 'aux_0.loss_ce', 'aux_1.loss_ce'):
        torch.testing.assert_close(both[name], alone[name])


def test_a_sample_without_confidence_and_a_head_with_a_sampler_or_a_balanced_loss_raise_an_error():
    model = build()
    with pytest.raises(KeyError, match='needs the field `confidence` .* Add the transform type=.mmwsl.LoadConfidence'):
        loss_of(model, batch(model, None))
    assert model.decode_head.sampler is None
    sampler = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=10)
    with pytest.raises(ValueError, match='`sampler` of the heads must be None .*, got OHEMPixelSampler'):
        build(head=dict(HEAD, sampler=sampler))
    balanced = dict(type='mmwsl.RobustCrossEntropyLoss', balanced=True)
    with pytest.raises(ValueError, match='`loss_decode.balanced` of the heads must be False .*, got True'):
        build(head=dict(HEAD, loss_decode=[dict(type='CrossEntropyLoss'), balanced]))


@pytest.fixture
def results(tmp_path):
    """An image and its mask, with scores whose highest channel is the background in a part."""
    scores = torch.rand(3, 20, 30, generator=torch.manual_seed(0)) * 0.5
    scores[0, :, :10] = 0.9
    write_scores(tmp_path / 'scores' / 'one.npz', scores)
    mask = np.zeros((20, 30), np.uint8)
    img = np.zeros((20, 30, 3), np.uint8)
    img[..., 0] = np.arange(600).reshape(20, 30) % 251
    return scores, dict(
        img=img,
        img_path='folder/one.jpg',
        img_shape=(20, 30),
        ori_shape=(20, 30),
        gt_seg_map=mask,
        seg_fields=['gt_seg_map'],
    )


def test_the_confidence_is_the_highest_score_of_all_classes(results, tmp_path):
    scores, data = results
    found = LoadConfidence(str(tmp_path / 'scores'))(data)
    assert found['confidence'].dtype == np.float32
    np.testing.assert_allclose(found['confidence'], scores.amax(0), atol=0.004)
    assert found['seg_fields'] == ['gt_seg_map', 'confidence']


def test_it_is_resized_flipped_and_cropped_like_the_mask_and_packed(results, tmp_path):
    """The mask of this test numbers the columns, and so does the confidence."""
    init_default_scope('mmseg')
    _, data = results
    columns = np.tile(np.arange(30, dtype=np.uint8), (20, 1))
    data = LoadConfidence(str(tmp_path / 'scores'))(data)
    data.update(gt_seg_map=columns, confidence=columns.astype(np.float32) / 30)
    steps = [
        dict(type='RandomResize', scale=(30, 20), ratio_range=(1.5, 2.0), keep_ratio=True),
        dict(type='RandomCrop', crop_size=(16, 16)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='mmwsl.PackSegInputsWithMaps', meta_keys=()),
    ]
    for step in steps:
        data = TRANSFORMS.build(step)(data)
    sample = data['data_samples']
    assert sample.confidence.shape == (16, 16) and sample.confidence.data.dtype == torch.float32
    torch.testing.assert_close(30 * sample.confidence.data, sample.gt_sem_seg.data.float())


def test_a_missing_file_and_another_size_raise_an_error(results, tmp_path):
    _, data = results
    with pytest.raises(FileNotFoundError, match='one.npz does not exist: LoadConfidence'):
        LoadConfidence(str(tmp_path / 'nowhere'))(data)
    data['img'] = data['img'][:10]
    with pytest.raises(ValueError, match=r'must have the shape \(10, 30\) of its image, got \(20, 30\)'):
        LoadConfidence(str(tmp_path / 'scores'))(data)
