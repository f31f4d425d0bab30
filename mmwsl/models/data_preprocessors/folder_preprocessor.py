"""Data preprocessor with the normalization of a pretrained model."""

from typing import Any

from mmseg.models import SegDataPreProcessor

from ...registry import MODELS
from ..backbones.model_folder import read_normalization


@MODELS.register_module()
class FolderPreProcessor(SegDataPreProcessor):
    """``SegDataPreProcessor`` whose mean and standard deviation are those of a model folder.

    They are read from ``preprocessor_config.json``: CLIP, ImageNet models and SigLIP differ. Resizing and cropping are
    those of the config's pipeline, not of that file.

    Args:
        folder: Folder of the model, as for :class:`mmwsl.models.TransformerBackbone`.
        **kwargs: Passed to :class:`mmseg.models.SegDataPreProcessor`.

    Raises:
        FileNotFoundError: If the folder has no such file.
        ValueError: If the file has no mean or standard deviation, or the config sets them too.
    """

    def __init__(self, folder: str, **kwargs: Any) -> None:
        if given := sorted({'mean', 'std', 'bgr_to_rgb', 'rgb_to_bgr'} & kwargs.keys()):
            raise ValueError(
                f'FolderPreProcessor: `{given[0]}` must not be set, as the folder has it, got {kwargs[given[0]]!r}. '
                "Remove it, or use type='SegDataPreProcessor'."
            )
        mean, std = read_normalization(folder)
        super().__init__(mean=mean, std=std, bgr_to_rgb=True, **kwargs)
