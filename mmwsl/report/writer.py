"""Writer of a report, which also refreshes an existing one."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

from mmwsl.utils.cores import available_cores
from mmwsl.utils.files import atomic_write, load_json, remove_partial_files, write_json
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import shorten

from .data import ReportData
from .gallery import gallery_data, gallery_entry, measure_overlaps
from .image_files import MASKS, script_json, update_image
from .pages import render_pages

STATE = 'report.json'
STATIC = ('report.css', 'gallery.js')
PARTS = (STATE, 'index.html', 'gallery.html', *STATIC, 'data', 'images', 'masks')


def write_report(data: ReportData, folder: str | Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the report of a project.

    A second call refreshes the report: files of images whose sources did not change are kept, files of images that
    are gone are removed. Other files in the folder stay.

    Args:
        data: Content of the report.
        folder: Folder of the report; it is created.
        progress: Function that is called after each image with the number of finished images and of all.

    Returns:
        The page to open, ``index.html``.

    Raises:
        OutputError: If the folder holds other files, and no report.
    """
    folder = Path(folder)
    output = OutputFolder(folder, 'mmwsl report', '`folder`')
    output.check(reuse=True)
    output.begin(PARTS, keep=True)
    numbers = assign_numbers(folder, [image.name for image in data.images])
    # The state is first, so that an interrupted run is recognized; names of removed images stay until their files go.
    write_json(folder / STATE, dict(made_by='mmwsl report', numbers=numbers))
    palette = [[int(value) for value in color] for color in data.palette]
    facts: list[dict[str, Any]] = []
    # Threads, since Pillow and zlib release the lock of the interpreter, and torch does not like forked processes.
    with ThreadPoolExecutor(min(8, available_cores())) as pool:
        jobs = pool.map(
            lambda image: update_image(image, numbers[image.name], folder, palette, data.read_scores), data.images
        )
        for done, result in enumerate(jobs, 1):
            facts.append(result)
            if progress is not None:
                progress(done, len(data.images))
    entries = [
        gallery_entry(data, image, numbers[image.name], known) for image, known in zip(data.images, facts, strict=True)
    ]
    measured = measure_overlaps(data, entries, facts)
    gallery = script_json(gallery_data(data, entries, facts, measured))
    write(folder / 'data' / 'gallery.js', b'var mmwsl = {gallery: ' + gallery + b'};\n')
    for name in STATIC:
        write(folder / name, files('mmwsl.report').joinpath('static', name).read_bytes())
    for name, content in reversed(render_pages(data, entries, measured).items()):  # the page to open is the last file
        write(folder / name, content)
    remove_old_images(folder, set(numbers.values()) - {numbers[image.name] for image in data.images})
    write_json(
        folder / STATE,
        dict(made_by='mmwsl report', numbers={image.name: numbers[image.name] for image in data.images}),
    )
    remove_partial_files(folder)
    return folder / 'index.html'


def assign_numbers(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """Return a number for each name, the same as in the report that is there, and the names that only it has."""
    state = folder / STATE
    numbers: dict[str, int] = {}
    if state.is_file():
        content = load_json(state, 'state of the report', advice='Delete it: the report is made anew.')
        known = content.get('numbers') if isinstance(content, dict) else None
        if not isinstance(known, dict) or not all(isinstance(number, int) for number in known.values()):
            raise ValueError(f'{state}: `numbers` must be integers by name, got {shorten(known)}. Delete the report.')
        numbers = known
    following = max(numbers.values(), default=-1) + 1
    for name in names:
        if name not in numbers:
            numbers[name], following = following, following + 1
    return numbers


def remove_old_images(folder: Path, numbers: set[int]) -> None:
    """Remove the files of images that are no longer part of the report."""
    for number in numbers:
        masks = [folder / 'masks' / f'{number}_{kind}.png' for kind in MASKS]
        for path in (folder / 'images' / f'{number}.jpg', folder / 'data' / f'{number}.js', *masks):
            path.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_write(path) as file:
        file.write(content)
