"""Operators of mmcv in plain torch, for an mmcv without compiled ones.

``mmcv.ops`` loads all its operators from the compiled module ``mmcv._ext`` when it is imported. Where that module is
missing, :func:`plain_operators` puts a module of the same name in its place, before ``mmcv.ops`` is imported: NMS and
RoIAlign work on all devices, and any other operator raises one line when it is called. Nothing of mmcv is changed.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from torch import Tensor

from mmwsl.functional import non_maximum_suppression, roi_align, roi_align_gradient

NAME = 'mmcv._ext'


class PlainOperators(ModuleType):
    """Module of operators with the names and arguments of ``mmcv._ext``.

    Args:
        reason: Why they are needed.
    """

    def __init__(self, reason: str = '') -> None:
        super().__init__(NAME)
        self.__spec__ = ModuleSpec(NAME, None)  # mmengine looks for it
        self.reason = reason
        self.late = 'mmdet.structures' in sys.modules
        """Whether MMDetection was imported before, and cannot use them."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Return a function that raises an error, for an operator that is not here."""
        if name.startswith('__'):  # Python asks a module for `__path__` and others
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        return _missing(name)

    @staticmethod
    def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
        """Select boxes; see :func:`mmwsl.functional.non_maximum_suppression`."""
        return non_maximum_suppression(boxes, scores, iou_threshold, offset=offset)

    @staticmethod
    def roi_align_forward(
        input: Tensor, rois: Tensor, output: Tensor, argmax_y: Tensor, argmax_x: Tensor, **kwargs: Any
    ) -> None:
        """Fill ``output``; see :func:`mmwsl.functional.roi_align`."""
        size = (kwargs['aligned_height'], kwargs['aligned_width'])
        output.copy_(roi_align(input, rois, size, **_grid(kwargs)))

    @staticmethod
    def roi_align_backward(
        grad_output: Tensor, rois: Tensor, argmax_y: Tensor, argmax_x: Tensor, grad_input: Tensor, **kwargs: Any
    ) -> None:
        """Fill ``grad_input``; see :func:`mmwsl.functional.roi_align_gradient`."""
        grad_input.copy_(roi_align_gradient(grad_output, rois, grad_input.shape, **_grid(kwargs)))

    @staticmethod
    def get_compiler_version() -> str:
        """Return the compiler, which a report of the environment names."""
        return 'none'

    get_compiling_cuda_version = get_compiler_version


def plain_operators() -> PlainOperators | None:
    """Provide :class:`PlainOperators` as ``mmcv._ext``, if mmcv has no compiled operators that can be imported.

    Call it before ``mmdet`` is imported, which keeps the operators that mmcv has then; ``mmseg.models`` does that.

    Returns:
        The plain operators; None if mmcv has compiled ones.
    """
    try:
        module = import_module(NAME)
    except ImportError as error:
        module = sys.modules[NAME] = PlainOperators(f'mmcv has no compiled operators ({error})')
    return module if isinstance(module, PlainOperators) else None


def _missing(name: str) -> Callable[..., NoReturn]:
    def operator(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name} needs mmcv's compiled operators. Install an mmcv that has them.")

    return operator


def _grid(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the sampling grid."""
    if kwargs['pool_mode'] != 1:
        _missing("roi_align with pool_mode='max'")()
    return {key: kwargs[key] for key in ('spatial_scale', 'sampling_ratio', 'aligned')}
