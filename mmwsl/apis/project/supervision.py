"""Labels and masks that a project learned from, for every number that it prints."""

from dataclasses import dataclass

from mmwsl.apis.threshold_choice import RULES

from .layout import Project, read_json, stage_name


@dataclass(frozen=True)
class Supervision:
    """Supervision of the networks of a project.

    Attributes:
        project: The project.
        images: Number of training images.
        masked: Number of them with masks.
        overlap: Sentence about validation images that the networks were trained on; '' without them.
        rounds: Number of self-training rounds.
    """

    project: Project
    images: int
    masked: int
    overlap: str
    rounds: int

    @property
    def trained_on(self) -> str:
        """Labels and masks of the trainings."""
        text = f'trained on image-level labels of {self.images} images'
        return text + (f' and masks of {self.masked} of them' if self.masked else ', without masks')

    @property
    def of_classifier(self) -> str:
        """Supervision of the classifier, and validation images that it was trained on."""
        return '; '.join(filter(None, [self.trained_on, self.overlap]))

    @property
    def of_segmentor(self) -> str:
        """Supervision of the segmentor: labels, masks and the choice of the thresholds."""
        text = self.of_classifier
        summary = self.project.read_summary()
        labels = [summary.get(stage_name('labels', round), {}) for round in range(1, self.rounds + 1)]
        for folder in dict.fromkeys(stage['teacher']['folder'] for stage in labels if 'teacher' in stage):
            text += f'; pseudo-labels by CLIP in {folder}, which is not trained here'
        sources = []
        for round in range(1, self.rounds + 1):
            thresholds = read_json(self.project.at(round).labels / 'thresholds.json')
            tuned_on, method = thresholds.get('tuned_on'), thresholds.get('method', 'from a file')
            sources.append(f' chosen with {tuned_on}' if tuned_on else '' if method in RULES else f': {method}')
        return '; thresholds'.join([text, *dict.fromkeys(filter(None, sources))])
