"""Rendering of the images and masks of ``ShapesDataset``, in the workers of the loader."""

from mmcv.transforms import BaseTransform

from mmwsl.registry import TRANSFORMS

from ..synthetic import draw_layout, render_image, render_mask


@TRANSFORMS.register_module()
class RenderShapesImage(BaseTransform):
    """Render the image of a scene, in place of loading a file. No mask is rendered.

    Required Keys:

    - scene

    Added Keys:

    - img (np.uint8, BGR)
    - img_shape
    - ori_shape
    """

    def transform(self, results: dict) -> dict:
        """Render the image."""
        scene = results['scene']
        results['img'] = render_image(draw_layout(**scene), scene['size'], scene['seed'], scene['index'])
        results['img_shape'] = results['img'].shape[:2]
        results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class RenderShapesMask(BaseTransform):
    """Render the exact mask of a scene, for evaluation or full supervision.

    Place it where other datasets have ``LoadAnnotations``: after ``Resize`` in a test pipeline, so that the mask keeps
    the original image size. The classes follow ``metainfo=dict(classes=...)``.

    Required Keys:

    - scene
    - label_map
    - seg_fields

    Added Keys:

    - gt_seg_map (np.uint8)

    Modified Keys:

    - seg_fields
    """

    def transform(self, results: dict) -> dict:
        """Render the mask."""
        scene = results['scene']
        rendered = render_mask(draw_layout(**scene), scene['size'])
        mask = rendered.copy()
        for old, new in (results['label_map'] or {}).items():
            mask[rendered == old] = new
        results['gt_seg_map'] = mask
        results['seg_fields'].append('gt_seg_map')
        return results
