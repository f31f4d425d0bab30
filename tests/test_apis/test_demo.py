import shutil

import numpy as np
import pytest
from PIL import Image

from mmwsl import apis
from mmwsl.apis.demo import demo, main, report
from mmwsl.utils.output_path import OutputError


def test_demo_trains_evaluates_twice_and_draws(tiny_config, tmp_path, capsys):
    config = tiny_config()
    prior = shutil.copy(config, tmp_path / 'tiny_prior.py')
    scores = demo(config, prior, tmp_path / 'demo', {'train_cfg.max_iters': 30}, num_images=3)

    cfg = apis.load_config(config, work_dir=str(tmp_path / 'again'))
    again = apis.test(cfg, str(tmp_path / 'demo/train/iter_30.pth'))
    assert scores == {'raw': again['mIoU'], '+ image-level prior': again['mIoU']}
    assert scores['raw'] > 60, 'a bright square on a dark ground was not learned'

    printed = capsys.readouterr().out
    assert report(scores) in printed and str(tmp_path / 'demo/image_grid.png') in printed
    columns = np.split(np.asarray(Image.open(tmp_path / 'demo/image_grid.png'))[24:, 6:], 4, axis=1)
    image, ground_truth, raw, with_prior = (column[:144, :144].astype(int) for column in columns)
    assert (raw == with_prior).all()
    assert {tuple(color) for color in ground_truth[8:136].reshape(-1, 3)} == {(0, 0, 0), (255, 0, 0)}
    assert image[ground_truth[..., 0] == 255].mean() > 100 + image[(ground_truth == 0).all(-1)].mean()


def test_report_is_an_aligned_table():
    assert report({'raw': 9.87, '+ image-level prior': 55.54}).splitlines() == [
        '',
        'held-out images       mIoU',
        '--------------------------',
        'raw                    9.9',
        '+ image-level prior   55.5',
    ]


def test_command_line_knows_its_arguments(capsys):
    with pytest.raises(SystemExit):
        main(['--help'])
    assert '--work-dir' in capsys.readouterr().out


def test_a_second_demo_replaces_the_first_and_nothing_else(tiny_config, tmp_path):
    config = tiny_config()
    for iterations in (4, 2):
        demo(config, config, tmp_path / 'demo', {'train_cfg.max_iters': iterations}, num_images=1)
    assert [path.name for path in (tmp_path / 'demo/train').glob('*.pth')] == ['iter_2.pth']
    (tmp_path / 'mine/train').mkdir(parents=True)
    (tmp_path / 'mine/train/iter_4.pth').write_text('mine')
    with pytest.raises(OutputError, match='--work-dir must have no checkpoint of an earlier training'):
        demo(config, config, tmp_path / 'mine')
    (tmp_path / 'mine/notes.txt').write_text('mine')
    with pytest.raises(OutputError, match='or hold results of `mmwsl demo`, got .* with notes.txt'):
        demo(config, config, tmp_path / 'mine')
    assert (tmp_path / 'mine/train/iter_4.pth').read_text() == 'mine'
