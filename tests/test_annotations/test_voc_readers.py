"""PASCAL VOC: XML annotations and classification lists agree."""

import pytest

from mmwsl.annotations import read_voc_lists, read_voc_xml

RULES = {'present': (('dog', 'cat'), ()), 'unknown': (('dog',), ('cat',)), 'absent': (('dog',), ())}


def voc_xml(*objects):
    parts = ''.join(
        f'<object><name>{name}</name><difficult>{difficult}</difficult><part><name>head</name></part></object>'
        for name, difficult in objects
    )
    return f'<annotation><filename>other.jpg</filename>{parts}</annotation>'


@pytest.mark.parametrize('difficult', RULES)
def test_xml_labels_follow_the_difficult_option(tmp_path, difficult):
    (tmp_path / '2007_1.xml').write_text(voc_xml(('dog', 0), ('dog', 1), ('cat', 1)))
    (tmp_path / '2007_2.xml').write_text(voc_xml())
    first, second = read_voc_xml(tmp_path, difficult=difficult)
    assert (first.image, first.labels, first.unknown) == ('2007_1', *RULES[difficult])
    assert (second.image, second.labels, second.unknown) == ('2007_2', (), ())


def test_xml_reads_the_names_asked_for(tmp_path):
    (tmp_path / 'broken.xml').write_text('<annotation>')
    (tmp_path / 'good.xml').write_text(voc_xml(('dog', 0)))
    assert [record.image for record in read_voc_xml(tmp_path, ['good', 'absent'])] == ['good']
    with pytest.raises(ValueError, match=r'broken\.xml: not XML'):
        read_voc_xml(tmp_path)


def test_xml_object_without_name_is_rejected(tmp_path):
    (tmp_path / 'a.xml').write_text(voc_xml(('dog', 0), ('', 0)))
    with pytest.raises(ValueError, match=r'a\.xml: object 2 has no <name>'):
        read_voc_xml(tmp_path)


def sized_xml(*objects, size='<size><width>20</width><height>10</height></size>'):
    edges = ('xmin', 'ymin', 'xmax', 'ymax')
    parts = ''.join(
        f'<object><name>{name}</name><bndbox>'
        + ''.join(f'<{edge}>{value}</{edge}>' for edge, value in zip(edges, box, strict=True))
        + '</bndbox></object>'
        for name, box in objects
    )
    return f'<annotation>{size}{parts}</annotation>'


def test_size_labels_measure_the_union_of_the_boxes_of_a_class(tmp_path):
    # of 200 pixels: the cat's two boxes cover 10 + 10 - 5, the dog's 20 twice the same, the bus's 21
    (tmp_path / 'a.xml').write_text(
        sized_xml(
            ('cat', (1, 1, 5, 2)),
            ('cat', (1, 2, 5, 3)),
            ('dog', (1, 1, 4, 5)),
            ('dog', (1, 1, 4, 5)),
            ('bus', (0.6, 1, 21, 1)),
            ('bus', (20, 10, 20, 10)),
        )
    )
    (tmp_path / 'b.xml').write_text(sized_xml())
    first, second = read_voc_xml(tmp_path, large_area=0.1)
    assert (first.large, first.small) == (('bus',), ('cat', 'dog'))
    assert (second.labels, second.large, second.small) == ((), (), ())
    first, _ = read_voc_xml(tmp_path, large_area=0.07)
    assert set(first.large) == {'cat', 'dog', 'bus'}
    plain, _ = read_voc_xml(tmp_path)
    assert (plain.labels, plain.large, plain.small) == (first.labels, (), ())


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        (sized_xml(('cat', (1, 1, 5, 2)), size=''), r'<size> must have .* got \[None, None\]'),
        (sized_xml(('cat', (1, 1, 'x', 2))), r"object 1 \(cat\): <bndbox> must have .* got \['1', '1', 'x', '2'\]"),
        (sized_xml(('cat', (5, 1, 1, 2))), r"<bndbox> must have .* got \['5', '1', '1', '2'\]"),
        (voc_xml(('cat', 0)), r'<size> must have'),
        (
            sized_xml(('cat', (1, 1, 5, 2)), size='<size><width>20</width><height>0</height></size>'),
            r"<size> must have a positive .* got \['0', '20'\]",
        ),
    ],
)
def test_size_labels_need_a_size_and_boxes(tmp_path, text, match):
    (tmp_path / 'a.xml').write_text(text)
    assert read_voc_xml(tmp_path)[0].labels == ('cat',)
    with pytest.raises(ValueError, match=rf'a\.xml: .*{match}'):
        read_voc_xml(tmp_path, large_area=0.1)


def test_boxes_that_leave_the_image_are_cut_off(tmp_path):
    # of 200 pixels, the cat covers 2 x 3 inside the image, and the dog none
    (tmp_path / 'a.xml').write_text(sized_xml(('cat', (-4, 0, 2, 3)), ('dog', (-9, -9, -1, -1))))
    (record,) = read_voc_xml(tmp_path, large_area=0.029)
    assert (record.large, record.small) == (('cat',), ('dog',))
    (record,) = read_voc_xml(tmp_path, large_area=0.031)
    assert record.large == ()


@pytest.mark.parametrize('area', [0, 1, float('nan')])
def test_large_area_is_a_fraction(tmp_path, area):
    with pytest.raises(ValueError, match=rf'`large_area` must be a fraction .* got {area}'):
        read_voc_xml(tmp_path, large_area=area)


@pytest.mark.parametrize('difficult', RULES)
def test_lists_follow_the_difficult_option(tmp_path, difficult):
    (tmp_path / 'dog_train.txt').write_text('2007_1  1\n2007_2 -1\n')
    (tmp_path / 'cat_train.txt').write_text('2007_1  0\n2007_2 -1\n')
    first, second = read_voc_lists(tmp_path, 'train', ('dog', 'cat'), difficult)
    assert (first.image, first.labels, first.unknown) == ('2007_1', *RULES[difficult])
    assert (second.image, second.labels, second.unknown) == ('2007_2', (), ())


@pytest.mark.parametrize(
    ('cats', 'match'),
    [
        ('a 1\nb 2\n', r"cat_train\.txt:2: a line must be \"name value\".*'b 2'"),
        ('a\n', r'cat_train\.txt:1: a line must be'),
        ('a 1\na 1\n', r"cat_train\.txt:2: image 'a' is listed twice \(first in line 1\)"),
        ('a 1\n', r"must name the same images, got 1 that this list or the list of 'dog' lacks: b\."),
    ],
)
def test_invalid_lists_are_rejected(tmp_path, cats, match):
    (tmp_path / 'dog_train.txt').write_text('a 1\nb -1\n')
    (tmp_path / 'cat_train.txt').write_text(cats)
    with pytest.raises(ValueError, match=match):
        read_voc_lists(tmp_path, 'train', ('dog', 'cat'))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='folder of XML annotations'):
        read_voc_xml(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match=r'dog_val\.txt'):
        read_voc_lists(tmp_path, 'val', ('dog',))


def test_unknown_difficult_option_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="`difficult` must be one of .* got 'maybe'"):
        read_voc_xml(tmp_path, difficult='maybe')
