"""The Python listings of docs/inferencer.md, run on synthetic images."""

import re

import pytest

from tests.test_apis.trained import SIZES, write_shapes, write_weights

CONFIG = 'wsl_lse_shapes_ilp'


@pytest.mark.parametrize('index', [0, 1])
def test_the_listings_run(index, repository, tmp_path, capsys):
    blocks = re.findall(r'```python\n(.*?)```', (repository / 'docs/inferencer.md').read_text(), re.DOTALL)
    assert len(blocks) == 2
    weights = write_weights(CONFIG, tmp_path / 'weights.pth')
    images = write_shapes(tmp_path / 'images')
    (images / 'broken.png').write_text('no image')
    names = dict(CONFIG=CONFIG, CHECKPOINT=weights, IMAGES=images, OUT=tmp_path / 'out')
    code = blocks[index].replace('num_workers=2', 'num_workers=0')
    exec(code, names)
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.startswith(name) for line in lines) for name in SIZES)
    assert any(line.startswith('broken.png ') and 'cannot be read' in line for line in lines)
    assert (tmp_path / 'out' / 'sub' / 'b.png').exists() == (index == 0)
