"""Masks of a project from its stored scores: thresholds, refinement, and a random walk up to learned boundaries."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mmengine.config import Config

from mmwsl.apis.config import load_config
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.manifest import as_json
from mmwsl.apis.pseudo_labels.masks import MaskRule
from mmwsl.utils.console import Console
from mmwsl.utils.cores import available_cores

from .layout import Project
from .teacher import Labeler, describe_labeler

UNCERTAIN = 0.5
"""Distance in logits of the two thresholds between which a pixel is uncertain from the chosen one."""
BG_THRESHOLD, FG_THRESHOLD = 0.25, 0.75
"""Where two refinements, with a low and a high threshold, disagree, their mean is near 0.5: the pixel is ignored."""
REFINEMENT = (
    dict(type='mmwsl.ObjectnessPrior', relative=True),
    dict(type='mmwsl.LogitSoftmax', temperature=2.0),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01),
)
"""Post-processors after the thresholds, where the config has no ``refinement``.

Objectness is relative to its mean over the image: the thresholds are chosen on the scores alone, because with
objectness, which follows superpixels, the agreement with superpixels prefers thresholds that are too high.
"""


def apply_thresholds(
    project: Project,
    console: Console,
    labeler: Labeler,
    chosen: dict[str, Any],
    walk: Sequence[dict],
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write masks from stored scores, by processes without the network, and return their quality."""
    cfg, count = labeler.cfg, len(project.read_summary()['split']['train'])
    cfg.test_dataloader.num_workers = available_cores()
    with console.progress(count, 'masks') as bar:
        report = generate_pseudo_labels(
            cfg,
            labeler.checkpoint,
            project.labels,
            tta=labeler.tta,
            **asdict(mask_rule(chosen['thresholds'], masks_used(project, chosen, walk), refinement(cfg), walk)),
            rethreshold=(project.labels / 'masks').is_dir(),
            replace_changed=overwrite,
        )
        bar.advance(count)
    assert report is not None  # a single process
    lost = len(report['label_without_pixel'])
    return dict(images=report['images'], ignored=report['ignored'], label_without_pixel=lost)


def masks_used(project: Project, chosen: dict[str, Any], walk: Sequence[dict] = ()) -> str | None:
    """Return the masks that the thresholds and the networks learned from, for the manifest; None if there are none."""
    taught = project.teacher_config.is_file() and not walk  # affinity networks are trained on the masks too
    masked = 0 if taught else len(project.read_summary()['classifier']['inputs']['masks'])
    network = f'masks of {masked} training images, on which the network was trained' if masked else None
    return '; '.join(filter(None, [chosen.get('tuned_on'), network])) or None


def refinement(cfg: Config) -> list[dict]:
    """Return the post-processors after the thresholds of the network that generates the pseudo-labels."""
    return [dict(step) for step in cfg.get('refinement', REFINEMENT)]


def find_walk(project: Project) -> list[dict]:
    """Return the post-processor that spreads the scores of a round up to learned boundaries.

    Args:
        project: The project in its round.

    Returns:
        Its config in a list; an empty list for the later rounds, without a trained affinity network, and if it learned
        from labels of another teacher.

    Raises:
        FileNotFoundError: If a file of the affinity network is missing.
    """
    stage = project.read_summary().get('affinity', {})
    if project.round > 1 or 'checkpoint' not in stage or as_json(describe_labeler(project)) != stage['inputs']:
        return []
    files = dict(config=project.affinity_config, checkpoint=project.root / stage['checkpoint'])
    for path in files.values():
        if not path.is_file():
            raise FileNotFoundError(
                f'project={str(project.root)!r}: {str(path)!r} of the affinity network is missing. Restore it, or '
                f'repeat `mmwsl run ... --out {shlex.quote(str(project.root))} --overwrite`.'
            )
    cfg = load_config(project.affinity_config)
    paths = {name: str(path.absolute()) for name, path in files.items()}
    return [dict(cfg.walk, image_size=int(cfg.model.data_preprocessor.size[0]), **paths)]


def mask_rule(
    thresholds: Sequence[float],
    tuned_on: str | None = None,
    refinement: Sequence[dict] = REFINEMENT,
    walk: Sequence[dict] = (),
) -> MaskRule:
    """Return the rule of the masks: two refinements, with a low and with a high threshold, averaged; then the walk."""

    def shifted(distance: float) -> list[float]:
        logits = (math.log(t / (1 - t)) if 0 < t < 1 else math.copysign(20, t - 0.5) for t in thresholds)
        return [1 / (1 + math.exp(-logit - distance)) for logit in logits]

    pipelines = [
        [dict(type='mmwsl.ClassThresholds', thresholds=shifted(distance)), *refinement]
        for distance in (-UNCERTAIN, UNCERTAIN)
    ]
    ensemble = dict(type='mmwsl.PostProcessorEnsemble', pipelines=pipelines)
    return MaskRule(BG_THRESHOLD, FG_THRESHOLD, tuned_on, [ensemble, *walk])
