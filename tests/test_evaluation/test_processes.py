"""Two processes that share the images return the metrics of one process."""

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import distributed, multiprocessing

from mmwsl.evaluation import BoundaryFMetric, ClassAccuracyMetric, ImageLabelMetric, PointLocalizationMetric
from tests.conftest import free_port

COUNT = 7  # odd: the sampler repeats one image for the second process, which must not count


def _samples():
    generator = torch.Generator().manual_seed(0)
    for _ in range(COUNT):
        gt_mask = torch.zeros(1, 20, 30, dtype=torch.long)
        label = torch.randint(0, 2, (3,), generator=generator)
        gt_mask[0, 2:9, 3:12], gt_mask[0, 11:18, 14:27] = label[1], 2 * label[2]
        scores = torch.rand(3, 20, 30, generator=generator)
        scores[1, :10] += 0.2 * label[1]
        yield SegDataSample(
            pred_label=LabelData(score=torch.rand(3, generator=generator)),
            gt_label=LabelData(score=label.float()),
            pred_scores=PixelData(data=scores),
            gt_sem_seg=PixelData(data=gt_mask),
            pred_sem_seg=PixelData(data=scores.argmax(0, keepdim=True)),
        )


def _evaluate(rank, processes):
    metrics = [
        ImageLabelMetric(variants=('area', 'all_points', '11point'), collect_device='cpu'),
        PointLocalizationMetric(tolerance=2, collect_device='cpu'),
        BoundaryFMetric(tolerance=0.03, collect_device='cpu'),
        ClassAccuracyMetric(collect_device='cpu'),
    ]
    evaluator = Evaluator(metrics)
    evaluator.dataset_meta = dict(classes=('background', 'cat', 'dog'))
    samples = list(_samples())
    subset = [samples[index % COUNT] for index in range(rank, COUNT + COUNT % processes, processes)]
    for sample in subset:
        evaluator.process([sample])
    return evaluator.evaluate(COUNT)


def _worker(rank, port, answers):
    torch.set_num_threads(1)
    distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    answers.put((rank, _evaluate(rank, 2)))
    distributed.barrier()
    distributed.destroy_process_group()


def test_two_processes_return_the_same_metrics_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # mmengine collects through a folder in the working directory
    port = free_port()
    context = multiprocessing.get_context('fork')
    answers = context.Queue()
    workers = [context.Process(target=_worker, args=(rank, port, answers), daemon=True) for rank in range(2)]
    for worker in workers:
        worker.start()
    results = dict(answers.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    single = _evaluate(0, 1)
    assert all(0 < value < 100 for value in single.values())
    assert results[0] == results[1] == pytest.approx(single)
