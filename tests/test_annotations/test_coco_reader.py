"""COCO's instance annotations."""

import json

import pytest

from mmwsl.annotations import read_coco

CONTENT = dict(
    images=[dict(id=7, file_name='000007.jpg'), dict(id=9, file_name='000009.jpg')],
    categories=[dict(id=90, name='toothbrush'), dict(id=1, name='person')],
    annotations=[
        dict(id=1, image_id=7, category_id=90, iscrowd=0),
        dict(id=2, image_id=7, category_id=90, iscrowd=1),
        dict(id=3, image_id=7, category_id=1, iscrowd=1),
    ],
)


@pytest.mark.parametrize(
    ('crowd', 'labels', 'unknown'),
    [
        ('present', ('toothbrush', 'person'), ()),
        ('ignore', ('toothbrush',), ()),
        ('unknown', ('toothbrush',), ('person',)),
    ],
)
def test_instances_become_labels(tmp_path, crowd, labels, unknown):
    (tmp_path / 'i.json').write_text(json.dumps(CONTENT))
    first, second = read_coco(tmp_path / 'i.json', crowd)
    assert (first.image, first.labels, first.unknown) == ('000007.jpg', labels, unknown)
    assert (second.image, second.labels, second.unknown) == ('000009.jpg', (), ())


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('{', r'i\.json: not JSON'),
        ('[]', r"i\.json: no list \['images', 'annotations', 'categories'\]"),
        (json.dumps({key: CONTENT[key] for key in ('images', 'categories')}), r"no list \['annotations'\].*instances"),
        (
            json.dumps(dict(CONTENT, images=CONTENT['images'][1:])),
            'annotation 1 refers to image 7, which `images` lacks',
        ),
        (json.dumps(dict(CONTENT, categories=[])), 'annotation 1 refers to category 90, which `categories` lacks'),
        (
            json.dumps(dict(CONTENT, images=[dict(id=7)])),
            '`images` must be a list of objects with `id` and `file_name`',
        ),
        (json.dumps(dict(CONTENT, categories=[3])), '`categories` must be a list of objects with `id` and `name`'),
        (json.dumps(dict(CONTENT, annotations=[dict(category_id=1)])), 'must be an object with an `image_id`, got'),
        (json.dumps(dict(CONTENT, annotations=[dict(image_id=7, segments_info=[])])), 'annotation 7 has no .*panoptic'),
    ],
)
def test_invalid_files_are_rejected(tmp_path, text, match):
    (tmp_path / 'i.json').write_text(text)
    with pytest.raises(ValueError, match=match):
        read_coco(tmp_path / 'i.json')


def test_unknown_crowd_option_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="`crowd` must be one of .* got 'absent'"):
        read_coco(tmp_path / 'i.json', 'absent')
