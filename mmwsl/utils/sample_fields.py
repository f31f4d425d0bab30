"""Fields of data samples that a step or a metric needs, and the part of the config that adds each."""

from collections.abc import Container, Mapping

WEAK_SEGMENTOR = "the segmentor type='mmwsl.WeakEncoderDecoder'"
AGGREGATING_HEAD = f'{WEAK_SEGMENTOR} with a head that aggregates'
LOAD_ANNOTATIONS = "the transform type='LoadAnnotations'"
PACK_IMAGE_LABELS = (
    "the transform type='mmwsl.PackImageLabelInputs' as the last one, and image-level labels to the dataset"
)
KEEP_ORIGINAL_IMAGE = "the transform type='mmwsl.KeepOriginalImage' before Resize"
SUPERPIXELS = (
    "the transform type='mmwsl.ComputeSuperpixels', 'mmwsl.LoadSuperpixels' or 'mmwsl.PartitionByProposals' before "
    'Resize'
)
REGIONS = "the transform type='mmwsl.ComputeRegions' before Resize"


def check_fields(user: object, sample: Container[str], required: Mapping[str, str]) -> None:
    """Check that a data sample has the fields that ``user`` reads.

    Args:
        user: The object that reads the fields; the error names its class.
        sample: Data sample, or its dict.
        required: The part of the config that adds each field, by field.

    Raises:
        KeyError: If the sample lacks a field.
    """
    for field, source in required.items():
        if field not in sample:
            raise KeyError(f'{type(user).__name__} needs the field `{field}` of the data sample. Add {source}.')
