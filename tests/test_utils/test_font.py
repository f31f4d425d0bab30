"""Characters of the texts in drawings."""

import warnings

import pytest

from mmwsl.utils.font import drawn_texts


def test_european_names_are_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for names in (['cat', 'dog'], ['größe', 'собака', 'γάτα']):
            font, drawn = drawn_texts(names, 12)
            assert drawn == names and len({bytes(font.getmask(name)) for name in names}) == len(names)


def test_characters_that_the_font_lacks_are_escapes():
    with pytest.warns(UserWarning, match='no characters for 猫: they are drawn as escapes'):
        assert drawn_texts(['猫', 'cat'], 12)[1] == ['\\u732b', 'cat']
