"""Command ``mmwsl export``: the network as an ONNX file."""

import inspect
import io
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

import mmwsl
from mmwsl.apis.arguments import add_cfg_options, add_overwrite
from mmwsl.apis.image_pipeline import describe
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.onnx_network import OnnxNetwork, ResizeRule, find_resize_rule
from mmwsl.apis.trained_model import find_model
from mmwsl.inference.postprocessors import ClassThresholds, build_postprocessors
from mmwsl.utils.console import quiet
from mmwsl.utils.files import atomic_write, files_of_config
from mmwsl.utils.folder_lock import file_lock
from mmwsl.utils.nested import dataset_paths, dicts_in
from mmwsl.utils.output_path import check_output_file
from mmwsl.utils.parser import Parser

OPSET, OLDEST_OPSET = 17, 11
TOLERANCE = 0.01
"""Maximum difference of a probability between the exported network and the config's own: rounding errors are smaller,
errors of a wrong size or layer larger."""


def import_onnx() -> tuple[ModuleType, ModuleType]:
    """Import ``onnx`` and ``onnxruntime``.

    Raises:
        ImportError: If one is missing.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f'the export needs onnx and onnxruntime, which could not be imported ({error}). Install them with: pip '
            'install "mmwsl[onnx]".'
        ) from error
    return onnx, onnxruntime


def export_onnx(
    model: str | Path | Config,
    out: str | Path,
    *,
    weights: str | Path | None = None,
    opset: int = OPSET,
    trust_checkpoint: bool = False,
    options: dict | None = None,
    overwrite: bool = False,
) -> Path:
    """Export a trained network as an ONNX file, and compare its probabilities with those of the config.

    Input ``image`` is RGB, ``(N, 3, H, W)`` uint8 of any size: the file resizes and normalizes it. Outputs are
    ``probs (N, K, H, W)``, the probabilities at the size of the image, and, if the head aggregates,
    ``image_probs (N, K)``. Post-processors (image-level prior, thresholds, CRF) are not in the file, but described in
    its metadata, JSON texts: ``classes``, ``palette``, ``mean``, ``std``, ``resize`` (``scale`` as width and height,
    ``keep_ratio``), ``postprocessors``, ``thresholds`` (one per foreground class) and ``tuned_on``.

    Args:
        model: Project, config or name; see :func:`mmwsl.apis.trained_model.find_model`.
        out: The file.
        weights: File or URL of the checkpoint. A project has its own.
        opset: Version of the ONNX operators, at least 11.
        trust_checkpoint: Load a checkpoint that could execute code.
        options: Settings that override the config.
        overwrite: Replace the file if it exists.

    Returns:
        The file.

    Raises:
        ImportError: If onnx or onnxruntime is missing.
        OutputError: If the file exists and ``overwrite`` is not set, or its folder does not exist.
        ValueError: If ``out`` does not end in ``.onnx``, the network cannot be exported, or the file gives other
            probabilities.
    """
    onnx, onnxruntime = import_onnx()
    if opset < OLDEST_OPSET:
        raise ValueError(f'--opset must be at least {OLDEST_OPSET}, got {opset}.')
    if Path(out).suffix != '.onnx':
        raise ValueError(f'--out must be a file .onnx, got {str(out)!r}.')
    cfg, checkpoint = find_model(model, weights, options)
    own = [path for path in Path(model).rglob('*') if path.is_file()] if isinstance(model, str | Path) else []
    check_output_file(out, '--out', overwrite, [checkpoint, *files_of_config(cfg.text), *own, *dataset_paths(cfg)])
    metadata = describe_postprocessing(cfg)
    bare = deepcopy(cfg)
    bare.custom_hooks = []
    if 'inference' in bare.model:
        bare.model.inference = dict(bare.model.inference or {}, postprocessors=None)
    inferencer = WeakSegInferencer(bare, checkpoint, 'cpu', trust_checkpoint)
    resize = find_resize_rule(cfg)
    network = OnnxNetwork(inferencer.model, resize).eval()
    metadata |= dict(
        classes=inferencer.classes,
        palette=[list(map(int, color)) for color in inferencer.palette],
        mean=network.mean.flatten().tolist(),
        std=network.std.flatten().tolist(),
        resize=None if resize is None else resize._asdict(),
        size_divisor=network.divisor,
        channels='RGB' if network.rgb else 'BGR',
        mmwsl=mmwsl.__version__,
    )
    data = trace_checked(onnx, onnxruntime, network, opset, metadata, inferencer)
    with atomic_write(out) as file:
        file.write(data)
    return Path(out)


def trace_checked(
    onnx: ModuleType,
    onnxruntime: ModuleType,
    network: OnnxNetwork,
    opset: int,
    metadata: dict[str, Any],
    inferencer: WeakSegInferencer,
) -> bytes:
    """Trace a network, add the metadata, and compare its probabilities with those of the segmentor.

    Where an aggregator cannot be traced, the model has no output ``image_probs``.

    Raises:
        ValueError: If the network cannot be traced, or gives other probabilities.
    """
    settings = onnxruntime.SessionOptions()
    texts = {key: json.dumps(value, default=str) for key, value in metadata.items()}
    settings.log_severity_level = 4  # its errors are raised as well
    for aggregates in (True, False) if network.aggregates else (False,):
        network.aggregates = aggregates
        try:
            content = onnx.load_from_string(trace(network, opset))
            onnx.helper.set_model_props(content, texts)
            onnx.checker.check_model(content)
            data: bytes = content.SerializeToString()
            session = onnxruntime.InferenceSession(data, settings, providers=['CPUExecutionProvider'])
            check_probs(session, inferencer, network.resize)
            return data
        except Exception as error:  # torch, onnx and onnxruntime raise many types
            reason = error
    if 'onnx_opset_version' in str(reason):
        raise ValueError(
            f'--opset must be in [{OLDEST_OPSET}, {newest_opset()}] with torch {torch.__version__}, got {opset}.'
        ) from reason
    raise ValueError(
        'the network must consist of layers that ONNX has for any image size to be exported, got '
        f'{describe(reason)[:300]}. Train a segmentor such as DeepLab v3+ on its pseudo-labels and export that.'
    ) from reason


def describe_postprocessing(cfg: Config) -> dict[str, Any]:
    """Describe the post-processors of a config, which the exported file lacks.

    Returns:
        ``postprocessors``, their configs; ``thresholds`` of the last :class:`mmwsl.inference.ClassThresholds`, one per
        foreground class or a single number, and ``tuned_on``, both None without thresholds.
    """
    hooks = [hook for hook in dicts_in(cfg.get('custom_hooks')) if 'postprocessors' in hook]
    source = hooks[-1] if hooks else cfg.model.get('inference') or {}
    configs = source.get('postprocessors') or []
    steps = [step for step in build_postprocessors(configs) if isinstance(step, ClassThresholds)]
    last = steps[-1] if steps else None
    return dict(
        postprocessors=[dict(config) for config in configs],
        thresholds=None if last is None else last.thresholds.tolist(),
        tuned_on=None if last is None else last.tuned_on,
    )


def trace(network: OnnxNetwork, opset: int) -> bytes:
    """Trace a network into an ONNX model with dynamic batch and image size."""
    outputs = ['probs', 'image_probs'] if network.aggregates else ['probs']
    axes = {0: 'batch', 2: 'height', 3: 'width'}
    arguments: dict[str, Any] = dict(
        input_names=['image'],
        output_names=outputs,
        opset_version=opset,
        dynamic_axes=dict(image=axes, probs=axes, image_probs={0: 'batch'}),
    )
    height, width = next(example_sizes(network.resize))
    return _export(network, torch.zeros(2, 3, height, width, dtype=torch.uint8), **arguments)


def newest_opset() -> int:
    """Return the newest version of the operators that torch exports, which it does not tell."""
    newest = OPSET
    with suppress(RuntimeError, ValueError):
        while _export(nn.Identity(), torch.zeros(1), opset_version=newest + 1):
            newest += 1
    return newest


def _export(network: nn.Module, example: torch.Tensor, **arguments: Any) -> bytes:
    # The exporter of torch.export does not trace sizes that are computed from the image. torch before 2.5 has no other.
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        arguments['dynamo'] = False
    file: Any = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # of the tracer about checks of arguments, and of the exporter about its age
        torch.onnx.export(network, (example,), file, **arguments)
    return file.getvalue()


def example_sizes(resize: ResizeRule | None) -> Iterator[tuple[int, int]]:
    """Yield heights and widths that the rule does not change, so that results are equal up to rounding errors."""
    width, height = resize.scale if resize else (256, 192)
    yield height, width
    if resize is None or resize.keep_ratio:
        yield height, width * 3 // 4
        yield height * 2 // 3, width


def check_probs(session: Any, inferencer: WeakSegInferencer, resize: ResizeRule | None) -> None:
    """Compare the probabilities of an ONNX model with those of its segmentor, on random images.

    Raises:
        ValueError: If they differ.
    """
    rng = np.random.default_rng(0)
    for height, width in example_sizes(resize):
        blocks = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
        image = np.kron(blocks, np.ones((16, 16, 1), np.uint8))[:height, :width]
        (reference,) = inferencer([np.ascontiguousarray(image[..., ::-1])], return_scores=True)['predictions']
        outputs = session.run(None, dict(image=image.transpose(2, 0, 1)[None]))
        differences = [np.abs(outputs[0][0] - reference['scores']).max()]
        if len(outputs) > 1:
            differences.append(np.abs(outputs[1][0, 1:] - list(reference['image_probs'].values())).max())
        if not max(differences) <= TOLERANCE:
            raise ValueError(
                f'the probabilities must differ from those of the config by at most {TOLERANCE}, got '
                f'{max(differences):.2g} for an image of {height} x {width} pixels.'
            )


def main(argv: list[str] | None = None) -> None:
    """Run ``mmwsl export``."""
    parser = Parser(description='Export a trained network as an ONNX file')
    parser.add_argument('project', help='folder of a project, or a config with --checkpoint')
    parser.add_argument('--out', metavar='FILE', required=True, help='the ONNX file')
    parser.add_argument('--opset', type=int, default=OPSET, metavar='N', help='version of the operators (%(default)s)')
    parser.add_argument('--checkpoint', metavar='FILE', help='checkpoint file or URL; a project has its own')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could execute code')
    add_overwrite(parser, 'replace the file of --out')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    with quiet(os.devnull), file_lock(args.out):
        path = export_onnx(
            args.project,
            args.out,
            weights=args.checkpoint,
            opset=args.opset,
            trust_checkpoint=args.trust_checkpoint,
            options=args.cfg_options,
            overwrite=args.overwrite,
        )
    print(f'{path}: {path.stat().st_size / 1e6:.1f} MB, opset {args.opset}, checked with onnxruntime.')
    print('It gives probabilities, before post-processing, which its metadata describe.')
    print('Next: docs/onnx_example.py runs it without torch; see docs/inferencer.md.')
