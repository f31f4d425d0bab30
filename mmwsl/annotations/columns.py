"""Usual names of the columns of tables of image-level labels."""

from collections.abc import Iterable

from mmwsl.utils.text import shorten

IMAGE_COLUMNS = tuple(
    'image images image_name image_names image_path image_file image_filename image_id imageid img img_name img_path '
    'img_file file files filename file_name filenames filepath file_path path name'.split()
)
LABEL_COLUMNS = tuple(
    'labels label tags tag classes class class_name class_names category categories category_name choice choices '
    'label_name label_names'.split()
)
DEFAULTS = {'image_column': 'image', 'label_column': 'labels'}
EXAMPLES = {'image_column': '"image", "filename" or "path"', 'label_column': '"labels", "class" or "tags"'}
USUAL = {'image_column': IMAGE_COLUMNS, 'label_column': LABEL_COLUMNS}


def usual_columns(header: Iterable[str], argument: str) -> list[str]:
    """Return the columns with a usual name; the default name wins over all others.

    Args:
        header: Names of the columns. Their case, spaces and hyphens do not matter.
        argument: ``'image_column'`` or ``'label_column'``.
    """
    header = list(header)
    if DEFAULTS[argument] in header:
        return [DEFAULTS[argument]]
    return [name for name in header if name.casefold().replace(' ', '_').replace('-', '_') in USUAL[argument]]


def check_different(image_column: str, label_column: str, source: str) -> None:
    """Check that images and labels have a column each.

    Raises:
        ValueError: If both are the same one.
    """
    if image_column == label_column:
        raise ValueError(
            f'{source}: `label_column` must differ from `image_column`, got {shorten(label_column)} for both.'
        )


def find_column(header: Iterable[str], argument: str, source: str) -> str:
    """Find the column of the images or of the labels.

    Args:
        header: Names of the columns.
        argument: ``'image_column'`` or ``'label_column'``, the argument that the error names.
        source: Where the header was read, for the error.

    Raises:
        ValueError: If no column, or more than one, has a usual name.
    """
    header = list(header)
    found = usual_columns(header, argument)
    if len(found) != 1:
        raise ValueError(
            f'{source}: one column must have a name such as {EXAMPLES[argument]}, got '
            f'{shorten(found) if found else "none"} in the header {shorten(header)}. Set `{argument}`.'
        )
    return found[0]
