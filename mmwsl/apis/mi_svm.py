"""Support vector machines trained from labels of bags (mi-SVM)."""

from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log

try:
    from sklearn.base import ClassifierMixin, clone
    from sklearn.linear_model import LogisticRegression, SGDClassifier
except ImportError as error:
    raise ImportError(
        f'the mi-SVM needs scikit-learn, which could not be imported ({error}). Install it with: pip install '
        '"mmwsl[svm]" (in a checkout: pip install -e ".[svm]" -c constraints.txt).'
    ) from error


def mi_svm(
    features: np.ndarray, bags: np.ndarray, positive: np.ndarray, svm: ClassifierMixin, max_iterations: int = 20
) -> tuple[ClassifierMixin, np.ndarray, bool]:
    """Train a classifier of instances from labels of bags (mi-SVM: Andrews et al., NIPS 2002, Fig. 1).

    Every instance of a negative bag is negative; at least one instance of a positive bag is positive. All instances of
    positive bags start as positive. Each iteration trains the classifier and relabels the instances of positive bags
    with it; in a bag without a positive instance, the highest-scoring one becomes positive. It stops when no label
    changes.

    Args:
        features: Instances, ``(n, D)``.
        bags: Index of the bag of each instance, ``(n,)``.
        positive: Whether a bag is positive, ``(B,)`` bool.
        svm: Classifier of scikit-learn with a ``decision_function``. A copy is trained; with ``warm_start`` each
            training starts from the one before.
        max_iterations: Maximum number of trainings.

    Returns:
        The trained classifier, the labels that it predicts, ``(n,)`` bool, and whether it was trained with these
        labels.

    Raises:
        ValueError: If all instances are in positive bags, or all in negative bags, or ``max_iterations`` is less
            than 1.
    """
    inside = positive[bags]
    if inside.all() or not inside.any():
        raise ValueError(
            f'`positive` must have bags of both kinds, got {len(positive)} that are all '
            f'{"positive" if inside.all() else "negative"}.'
        )
    if max_iterations < 1:
        raise ValueError(f'`max_iterations` must be at least 1, got {max_iterations}.')
    labels, svm = inside.copy(), clone(svm)
    for _ in range(max_iterations):
        svm.fit(features, labels)
        scores = svm.decision_function(features)
        before, labels = labels, inside & (scores > 0)
        highest = _highest_scoring(scores, bags)
        labels[highest[positive[bags[highest]] & (np.bincount(bags, labels)[bags[highest]] == 0)]] = True
        if (labels == before).all():
            return svm, labels, True
    return svm, labels, False


def fit_classes(
    features: np.ndarray,
    bags: np.ndarray,
    image_labels: np.ndarray,
    classes: Sequence[str],
    svm: ClassifierMixin | None = None,
    max_iterations: int = 8,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Train one mi-SVM per foreground class from image-level labels.

    Features are standardized to mean 0 and standard deviation 1. Platt's sigmoid turns scores into probabilities; it
    is fitted on the highest-scoring instance of each bag, as only bags have known labels. Both are included in the
    result: :math:`p(k \mid x) = \sigma(w_k^T x + b_k)`.

    Args:
        features: Instances, ``(n, D)``; standardized in place.
        bags: Index of the image of each instance, ``(n,)``.
        image_labels: 1 present, 0 absent, -1 unknown, ``(B, K)``. Class 0, the background, is not used. Images in
            which a class is unknown are not used for its SVM.
        classes: Names of the K classes.
        svm: Linear classifier of scikit-learn. None is a linear SVM trained by stochastic gradient descent, which stays
            in float32 and starts each training from the one before. Its classes are not balanced: with balanced
            weights, most superpixels of a positive image stay positive.
        max_iterations: Maximum number of trainings of a class.

    Returns:
        ``weight (K - 1, D)`` and ``bias (K - 1,)``, float32.

    Raises:
        ValueError: If a class is present in no image or absent from none, or the labels have another number of
            classes.
    """
    if image_labels.shape[1] != len(classes):
        raise ValueError(
            f'`image_labels` must have one column for each of the {len(classes)} classes, got {image_labels.shape}.'
        )
    _check_presence(image_labels, classes)
    svm = svm or SGDClassifier(alpha=0.01, max_iter=5, tol=None, warm_start=True, random_state=0)
    mean, std = features.mean(0), features.std(0)
    std = np.where(std > 1e-6, std, 1)  # a constant feature carries no information
    features -= mean
    features /= std
    weights, biases = [], []
    for label, name in enumerate(classes[1:], 1):
        rows = image_labels[bags, label] >= 0
        known, images = features if rows.all() else features[rows], bags[rows]
        positive = image_labels[:, label] == 1
        trained, labels, converged = mi_svm(known, images, positive, svm, max_iterations)
        scores = trained.decision_function(known)
        highest = _highest_scoring(scores, images)
        platt = LogisticRegression().fit(scores[highest, None], positive[images[highest]])
        slope, offset = platt.coef_.item(), platt.intercept_.item()
        weights.append(slope * trained.coef_[0] / std)
        biases.append(slope * (trained.intercept_[0] - trained.coef_[0] @ (mean / std)) + offset)
        print_log(
            f'{name}: {labels[positive[images]].mean():.0%} of the superpixels of {positive.sum()} images are '
            f'positive{"" if converged else f", labels still change after {max_iterations} trainings"}',
            'current',
        )
    return np.stack(weights).astype(np.float32), np.array(biases, np.float32)


def _highest_scoring(scores: np.ndarray, bags: np.ndarray) -> np.ndarray:
    """Return the index of the highest-scoring instance of each bag, in the order of the bags."""
    order = np.lexsort((scores, bags))
    return order[np.append(np.flatnonzero(np.diff(bags[order])), len(order) - 1)]


def _check_presence(image_labels: np.ndarray, classes: Sequence[str]) -> None:
    for value, word in ((1, 'present in'), (0, 'absent from')):
        missing = [name for label, name in enumerate(classes) if label and not (image_labels[:, label] == value).any()]
        if missing:
            raise ValueError(
                f'`image_labels`: every class must be {word} an image, got none for {", ".join(missing)}. Add images, '
                'or remove the class from `metainfo["classes"]`.'
            )
