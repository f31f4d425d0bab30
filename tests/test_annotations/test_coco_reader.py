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
    ('crowd', 'tags', 'unknown'),
    [
        ('present', ('toothbrush', 'person'), ()),
        ('ignore', ('toothbrush',), ()),
        ('unknown', ('toothbrush',), ('person',)),
    ],
)
def test_instances(tmp_path, crowd, tags, unknown):
    (tmp_path / 'i.json').write_text(json.dumps(CONTENT))
    first, second = read_coco(tmp_path / 'i.json', crowd)
    assert (first.image, first.labels, first.unknown) == ('000007.jpg', tags, unknown)
    assert (second.image, second.labels, second.unknown) == ('000009.jpg', (), ())


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('{', r'i\.json: not JSON'),
        ('[]', r"i\.json: no \['images', 'annotations', 'categories'\]"),
        (json.dumps({key: CONTENT[key] for key in ('images', 'categories')}), r"no \['annotations'\].*instances"),
        (json.dumps(dict(CONTENT, images=CONTENT['images'][1:])), 'annotation 1 refers to image 7 and category 90'),
        (json.dumps(dict(CONTENT, annotations=[dict(image_id=7, segments_info=[])])), 'annotation 7 has no .*panoptic'),
    ],
)
def test_mistakes(tmp_path, text, match):
    (tmp_path / 'i.json').write_text(text)
    with pytest.raises(ValueError, match=match):
        read_coco(tmp_path / 'i.json')


def test_crowd_is_checked(tmp_path):
    with pytest.raises(ValueError, match="`crowd` must be one of .* but got 'absent'"):
        read_coco(tmp_path / 'i.json', 'absent')
