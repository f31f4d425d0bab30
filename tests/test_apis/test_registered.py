"""Parts of a config are recognized by their registered class, also the subclass of another package."""

import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry
from mmseg import registry as mmseg_registry
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.evaluation import IoUMetric

from mmwsl.apis.pseudo_labels.settings import ground_truth_dataset, image_dataset
from mmwsl.apis.registered import is_mask_loader, is_mask_metric, is_subclass, select, without
from mmwsl.apis.supervision import IMAGE_LABELS, MASKS, supervision_kind
from mmwsl.inference import ClassThresholds
from mmwsl.registry import POSTPROCESSORS

TRANSFORMS = Registry('transform', parent=mmseg_registry.TRANSFORMS, scope='registered_test')
METRICS = Registry('metric', parent=mmseg_registry.METRICS, scope='registered_test')


@TRANSFORMS.register_module()
class MyMasks(LoadAnnotations):
    pass


@TRANSFORMS.register_module()
class MasksOfAnotherFormat(BaseTransform):
    loads_masks = True


@TRANSFORMS.register_module()
class LoadAnnotationsOfDepth(BaseTransform):
    pass


@METRICS.register_module()
class MyMetric(IoUMetric):
    pass


@pytest.fixture(params=['mmseg', None])
def scope(request):
    with DefaultScope.overwrite_default_scope(request.param):
        yield


LOADERS = [
    'LoadAnnotations',
    'mmseg.LoadAnnotations',
    'LoadBiomedicalAnnotation',
    'mmwsl.RenderShapesMask',
    'registered_test.MyMasks',
    'registered_test.MasksOfAnotherFormat',
    LoadAnnotations,
]
OTHERS = ['LoadImageFromFile', 'mmwsl.RenderShapesImage', 'registered_test.LoadAnnotationsOfDepth', None]


@pytest.mark.parametrize(('kinds', 'expected'), [(LOADERS, True), (OTHERS, False)])
def test_mask_loaders_are_recognized_by_their_class(scope, kinds, expected):
    assert [is_mask_loader(dict(type=kind)) for kind in kinds] == [expected] * len(kinds)


def test_mask_metrics_are_recognized_by_their_class(scope):
    for kind in ('IoUMetric', 'mmwsl.ClassIoUMetric', 'registered_test.MyMetric', IoUMetric):
        assert is_mask_metric(dict(type=kind))
    for kind in ('mmwsl.ImageLabelMetric', 'mmwsl.BoundaryFMetric'):
        assert not is_mask_metric(dict(type=kind))


def test_names_resolve_in_the_default_scope_as_when_they_are_built():
    with DefaultScope.overwrite_default_scope('registered_test'):
        assert is_mask_loader(dict(type='MyMasks'))
    assert is_mask_loader(dict(type='MyMasks', _scope_='registered_test'))


def test_parts_without_a_parent_registry(scope):
    assert is_subclass(dict(type='mmwsl.ClassThresholds'), POSTPROCESSORS, ClassThresholds)
    assert not is_subclass(dict(type='mmwsl.DenseCRF'), POSTPROCESSORS, ClassThresholds)
    assert not is_subclass(dict(thresholds=0.5), POSTPROCESSORS, ClassThresholds)


def test_nested_mask_loaders_are_selected_and_removed(scope):
    load, flip = dict(type='LoadImageFromFile'), dict(type='RandomFlip', prob=0.5)
    mask, own = dict(type='LoadAnnotations'), dict(type='registered_test.MyMasks')
    pipeline = [
        load,
        mask,
        dict(type='RandomApply', transforms=own),
        dict(type='TestTimeAug', transforms=[[flip], [mask, own], [load, own]]),
    ]
    assert without(pipeline, is_mask_loader) == [
        load,
        dict(type='RandomApply', transforms=[]),
        dict(type='TestTimeAug', transforms=[[flip], [load]]),
    ]
    assert select(pipeline, is_mask_loader) == [mask, own, mask, own, own]


def test_a_mask_loader_of_another_package_is_supervision_by_masks_and_not_used_for_pseudo_labels(scope, tmp_path):
    load, own = dict(type='LoadImageFromFile'), dict(type='registered_test.MyMasks')
    dataset = dict(data_prefix=dict(img_path='images'), pipeline=[load, dict(type='RandomApply', transforms=[own])])
    cfg = Config({f'{split}_dataloader': dict(dataset=dataset) for split in ('train', 'test')})
    assert supervision_kind(cfg.train_dataloader.dataset, cfg) == MASKS
    labeled = image_dataset(cfg, tmp_path)
    assert labeled.pipeline == [load, dict(type='RandomApply', transforms=[])]
    assert supervision_kind(labeled, cfg) == IMAGE_LABELS
    assert ground_truth_dataset(labeled, cfg.test_dataloader.dataset, 'masks').pipeline == [own]
