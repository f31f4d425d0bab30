"""Split of the labeled images of a project into those that train and those that validate."""

from mmwsl.annotations import make_record, write_jsonl
from mmwsl.functional import stratified_split

from .data_check import DataCheck
from .layout import Project

VAL_FRACTION = 0.2


def validation_images(check: DataCheck, seed: int) -> list[str]:
    """Return the images that validate: the listed ones, or a fifth of the images, each class in its proportion.

    No image whose content is that of a training image is among the fifth. At least one image is returned.

    Args:
        check: The data.
        seed: Random seed.
    """
    if check.val is not None:
        return list(check.val)
    names = list(check.records)
    selected = stratified_split(check.label_matrix(names), VAL_FRACTION, seed)
    train = {check.files[name].digest for name, chosen in zip(names, selected, strict=True) if not chosen}
    val = [
        name for name, chosen in zip(names, selected, strict=True) if chosen and check.files[name].digest not in train
    ]
    one = sorted(names, key=lambda name: bool(check.records[name].labels))[-1]
    equal = [name for name in names if check.files[name].digest == check.files[one].digest]
    return val or (equal if len(equal) < len(names) else [one])


def write_labels(project: Project, check: DataCheck, part: str, names: list[str]) -> None:
    """Write the image-level labels of images into ``data/PART.jsonl``, which is also their list."""
    records = [(name, check.records[name]) for name in names]
    write_jsonl(
        project.data / f'{part}.jsonl',
        [make_record(name, record.labels, record.unknown) for name, record in records],
    )
