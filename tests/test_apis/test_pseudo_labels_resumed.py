"""An interrupted generation of pseudo-labels is resumed, in one process or two, with the same options only."""

import os
import signal
import time

import pytest
import torch
from torch import multiprocessing

from mmwsl.apis.pseudo_labels import ManifestError
from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.utils.folder_lock import folder_lock
from tests.conftest import free_port

from .conftest import SHORT, files

FORKS = pytest.mark.skipif(torch.cuda.is_available(), reason='a process that has used a GPU cannot be forked')


def _run_alone(arguments):
    torch.set_num_threads(1)
    main(arguments)


@FORKS
def test_a_killed_run_is_resumed(run, shapes, tmp_path):
    out = tmp_path / 'killed'
    process = multiprocessing.get_context('fork').Process(
        target=_run_alone,
        args=([*shapes, '--out', str(out), '--max-images', '30', '--cfg-options', *SHORT],),
        daemon=True,
    )
    process.start()
    until = time.monotonic() + 300
    while len(list(out.glob('scores/*.npz'))) < 5 and process.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in out.glob('scores/*.npz')}
    assert 5 <= len(before) < 30 and not (out / 'quality.json').exists()
    (out / 'scores' / 'tmp_killed.part').touch()  # the partial file of a killed process
    run('killed', '--gt-masks', max_images=30)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(out.rglob('*.part'))
    fresh = run('fresh', '--gt-masks', max_images=30)
    assert files(out, '.png', '.npz') == files(fresh, '.png', '.npz')
    assert (out / 'quality.json').read_text() == (fresh / 'quality.json').read_text()


def _launch(rank, port, arguments):
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
    )
    _run_alone([*arguments, '--launcher', 'pytorch'])


def launch(arguments):
    port = free_port()
    context = multiprocessing.get_context('fork')
    workers = [context.Process(target=_launch, args=(rank, port, arguments), daemon=True) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    return [worker.exitcode for worker in workers]


@FORKS
def test_two_processes_label_one_image_then_more(finished, shapes, tmp_path):
    for count in (1, 6):  # fewer images than processes; then five for two
        assert launch(
            [*shapes, '--out', str(tmp_path / 'two'), '--max-images', str(count), '--cfg-options', *SHORT]
        ) == [0, 0]
        assert len(files(tmp_path / 'two', '.png')) == count
    assert files(tmp_path / 'two', '.png', '.npz') == files(finished, '.png', '.npz')
    # All processes raise the error, none waits for the first.
    assert launch([*shapes, '--out', str(tmp_path / 'two'), '--no-use-image-labels', '--cfg-options', *SHORT]) == [1, 1]


@FORKS
def test_two_processes_have_one_lock(shapes, tmp_path):
    """Both end if another command writes into the folder, and none waits for the other."""
    with folder_lock(tmp_path / 'two'):
        assert launch([*shapes, '--out', str(tmp_path / 'two'), '--cfg-options', *SHORT]) == [1, 1]


def test_other_options_are_rejected_and_listed(run, copied, shapes, tmp_path):
    folder = copied
    before = files(folder, '.png', '.npz', '.json')
    with pytest.raises(
        ManifestError,
        match=r'(?s)use_image_labels: true before, false now.*inference\.image_labels: .*KnownImageLabels.* before',
    ):
        run('out', '--no-use-image-labels', max_images=1)
    with pytest.raises(ManifestError, match=r'model\.decode_head\.background\.threshold: 0\.5 before, 0\.4 now'):
        run('out', max_images=1, options=['model.decode_head.background.threshold=0.4'])
    with pytest.raises(ManifestError, match=r'(?s)masks of .*fg_threshold: null before, 0\.5 now.*--rethreshold'):
        run('out', '--fg-threshold', '0.5', max_images=1)
    other = tmp_path / 'other.pth'
    state = torch.load(shapes[1])
    state['state_dict']['decode_head.conv_seg.bias'] += 1
    torch.save(state, other)
    with pytest.raises(ManifestError, match=r'checkpoint: "[0-9a-f]{8}\.\.\." before, "[0-9a-f]{8}\.\.\." now'):
        main([shapes[0], str(other), *shapes[2:], '--out', str(folder), '--max-images', '1', '--cfg-options', *SHORT])
    assert files(folder, '.png', '.npz', '.json') == before


def test_a_folder_without_scores_takes_new_options(tmp_path):
    Manifest(tmp_path).check_options(dict(use_image_labels=True))
    assert not (tmp_path / 'manifest.json').exists()  # the checkpoint may still be rejected
    manifest = Manifest(tmp_path)
    manifest.check_options(dict(use_image_labels=False))
    manifest.update()
    (tmp_path / 'scores').mkdir()
    (tmp_path / 'scores' / 'one.npz').touch()
    Manifest(tmp_path).check_options(dict(use_image_labels=False))
    with pytest.raises(ManifestError, match='use_image_labels: false before, true now'):
        Manifest(tmp_path).check_options(dict(use_image_labels=True))
    (tmp_path / 'manifest.json').unlink()
    with pytest.raises(ManifestError, match='manifest.json must say how the scores and masks were generated'):
        Manifest(tmp_path).check_options(dict(use_image_labels=False))
