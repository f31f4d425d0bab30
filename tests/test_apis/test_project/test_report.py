"""Files of the images of a project in its report."""

from mmwsl.annotations import ImageLabelRecord
from mmwsl.apis.project import Project
from mmwsl.apis.project.data_check import DataCheck
from mmwsl.apis.project.report import report_images
from mmwsl.utils.image_files import ImageFile


def test_validation_images_have_scores_of_their_own(tmp_path):
    names = ['a.jpg', 'sub/b.jpg', 'same.jpg', 'same.png']
    project = Project(tmp_path / 'project')
    for folder in (project.labels, project.val_labels):
        for base in ('a', 'sub/b', 'same.jpg'):
            path = folder / f'scores/{base}.npz'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    check = DataCheck(
        folder=tmp_path,
        files={name: ImageFile(name, 9, 9, name) for name in names},
        records={name: ImageLabelRecord(name) for name in names},
        classes=('background', 'cat'),
        label_format='csv',
        val=None,
        masks={'sub/b.jpg': tmp_path / 'b.png'},
    )
    images = {image.name: image for image in report_images(project, check, ['a.jpg'], names[1:])}
    assert [image.split for image in images.values()] == ['train', 'val', 'val', 'val']
    assert images['a.jpg'].scores == project.labels / 'scores/a.npz'
    assert images['sub/b.jpg'].scores == project.val_labels / 'scores/sub/b.npz'
    assert images['sub/b.jpg'].ground_truth == tmp_path / 'b.png' and images['a.jpg'].ground_truth is None
    assert images['same.jpg'].scores == project.val_labels / 'scores/same.jpg.npz'
    assert images['same.png'].scores is None  # no file: a project that was evaluated without scores
