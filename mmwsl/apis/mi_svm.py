"""Support vector machines from labels of bags alone."""

from collections.abc import Sequence

import numpy as np
from mmengine.logging import print_log

try:
    from sklearn.base import ClassifierMixin, clone
    from sklearn.linear_model import LogisticRegression, SGDClassifier
except ImportError as error:
    raise ImportError(
        f'the mi-SVM needs scikit-learn, which could not be imported ({error}). Install it with: pip install '
        '"mmwsl[svm]" (in a checkout: pip install -e ".[svm]" -c constraints.txt)'
    ) from error


def mi_svm(
    features: np.ndarray, bags: np.ndarray, positive: np.ndarray, svm: ClassifierMixin, max_iterations: int = 20
) -> tuple[ClassifierMixin, np.ndarray, bool]:
    """Train a classifier of instances from labels of bags (mi-SVM: Andrews et al., NIPS 2002, Fig. 1).

    Every instance of a negative bag is negative; of a positive bag at least one is positive. All instances of positive
    bags start positive. Then, until no label changes: train, label the instances of positive bags by the classifier,
    and of a bag that has no positive one make the best positive.

    Args:
        features (np.ndarray): Instances, ``(n, D)``.
        bags (np.ndarray): The bag of each instance, ``(n,)`` integers from 0.
        positive (np.ndarray): Whether a bag is positive, ``(B,)`` bool.
        svm (ClassifierMixin): scikit-learn's classifier to train, with a ``decision_function``. It is not changed, a
            copy is trained; with ``warm_start`` each training begins where the one before ended.
        max_iterations (int): Most trainings. Defaults to 20.

    Returns:
        tuple: The trained classifier, the labels that it gives, ``(n,)`` bool, and whether it was trained with these.

    Raises:
        ValueError: If no instance is in a positive bag, or none in a negative one.
    """
    inside = positive[bags]
    if inside.all() or not inside.any():
        raise ValueError(
            f'`positive` must have bags of both kinds, but all {len(positive)} are '
            f'{"positive" if inside.all() else "negative"}'
        )
    if max_iterations < 1:
        raise ValueError(f'`max_iterations` must be at least 1, got {max_iterations}')
    labels, svm = inside.copy(), clone(svm)
    for _ in range(max_iterations):
        svm.fit(features, labels)
        scores = svm.decision_function(features)
        before, labels = labels, inside & (scores > 0)
        best = _best(scores, bags)
        labels[best[positive[bags[best]] & (np.bincount(bags, labels)[bags[best]] == 0)]] = True
        if (labels == before).all():
            return svm, labels, True
    return svm, labels, False


def fit_classes(
    features: np.ndarray,
    bags: np.ndarray,
    tags: np.ndarray,
    classes: Sequence[str],
    svm: ClassifierMixin | None = None,
    max_iterations: int = 8,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Train one mi-SVM for each foreground class from the tags of images.

    Features are scaled to mean 0 and deviation 1. Scores become probabilities by Platt's sigmoid on the best instance
    of each bag: tags are the only labels known. Both are folded into the result:
    :math:`p(k \mid x) = \sigma(w_k^T x + b_k)`.

    Args:
        features (np.ndarray): Instances, ``(n, D)``; scaled in place.
        bags (np.ndarray): The image of each instance, ``(n,)`` integers from 0.
        tags (np.ndarray): 1 present, 0 absent, -1 unknown, ``(B, K)``. Class 0, the background, is not used; images
            where a class is unknown take no part in its training.
        classes (Sequence[str]): Names of the K classes.
        svm (ClassifierMixin, optional): A linear classifier of scikit-learn. Defaults to None: a linear SVM by
            stochastic gradient descent, which stays in float32 and goes on from one training to the next. Classes are
            not balanced: weighted up, most superpixels of a tagged image stay positive.
        max_iterations (int): Most trainings of a class. Defaults to 8.

    Returns:
        tuple[np.ndarray, np.ndarray]: ``weight (K - 1, D)`` and ``bias (K - 1,)``, float32.

    Raises:
        ValueError: If no image, or every image, has the tag of a class, or there are not as many tags as classes.
    """
    if tags.shape[1] != len(classes):
        raise ValueError(f'`tags` must have one column for each of the {len(classes)} classes, got {tags.shape}')
    _check_tags(tags, classes)
    svm = svm or SGDClassifier(alpha=0.01, max_iter=5, tol=None, warm_start=True, random_state=0)
    mean, deviation = features.mean(0), features.std(0)
    deviation = np.where(deviation > 1e-6, deviation, 1)  # what never changes tells nothing
    features -= mean
    features /= deviation
    weights, biases = [], []
    for label, name in enumerate(classes[1:], 1):
        rows = tags[bags, label] >= 0
        part, places = features if rows.all() else features[rows], bags[rows]
        positive = tags[:, label] == 1
        trained, labels, converged = mi_svm(part, places, positive, svm, max_iterations)
        scores = trained.decision_function(part)
        best = _best(scores, places)
        platt = LogisticRegression().fit(scores[best, None], positive[places[best]])
        slope, offset = platt.coef_.item(), platt.intercept_.item()
        weights.append(slope * trained.coef_[0] / deviation)
        biases.append(slope * (trained.intercept_[0] - trained.coef_[0] @ (mean / deviation)) + offset)
        print_log(
            f'{name}: {labels[positive[places]].mean():.0%} of the superpixels of {positive.sum()} images are '
            f'positive{"" if converged else f", labels still changing after {max_iterations} trainings"}',
            'current',
        )
    return np.stack(weights).astype(np.float32), np.array(biases, np.float32)


def _best(scores: np.ndarray, bags: np.ndarray) -> np.ndarray:
    """Return the place of the best instance of each bag, in the order of the bags."""
    order = np.lexsort((scores, bags))
    return order[np.append(np.flatnonzero(np.diff(bags[order])), len(order) - 1)]


def _check_tags(tags: np.ndarray, classes: Sequence[str]) -> None:
    for value, word in ((1, 'has'), (0, 'lacks')):
        missing = [name for label, name in enumerate(classes) if label and not (tags[:, label] == value).any()]
        if missing:
            raise ValueError(
                f'no image {word} the tag {", ".join(missing)}: an mi-SVM needs images with and '
                'without each class. Add some, or leave the class out of `metainfo["classes"]`'
            )
