"""Fully connected conditional random field over the pixels of an image or of a batch."""

import torch
from torch import Tensor

from .crf_kernels import CRFKernels
from .crf_params import CRF_PRESETS, CRFParams
from .inputs import at_least_float32, check_finite, check_image, check_probs
from .neighbor_average import triton_kernels

MIN_PROB = 1e-5
"""Lower bound of the probabilities in the unary term, so that no label is impossible."""


def dense_crf(
    probs: Tensor,
    image: Tensor,
    params: CRFParams = CRF_PRESETS['psa'],
    compatibility: Tensor | None = None,
    plausible: Tensor | None = None,
    kernels: CRFKernels | None = None,
) -> Tensor:
    r"""Run mean-field inference in a fully connected CRF (Kraehenbuehl & Koltun, NIPS 2011, Eqs. 1 to 4).

    .. math::
        Q_i(l) \propto p_i(l) \, \exp\Big(-\sum_{l'} \mu(l, l') \sum_m w_m \sum_j
        \frac{k_m(i, j)}{\sqrt{n_{m,i} \, n_{m,j}}} \, Q_j(l')\Big), \qquad n_{m,i} = \sum_j k_m(i, j)

    with the appearance kernel :math:`k_1 = \exp(-\lVert x_i - x_j \rVert^2 / 2 \sigma_\alpha^2 - \lVert c_i - c_j
    \rVert^2 / 2 \sigma_\beta^2)` and the smoothness kernel :math:`k_2 = \exp(-\lVert x_i - x_j \rVert^2 / 2
    \sigma_\gamma^2)` of positions x and colors c. Inference starts at :math:`Q = p`. As in pydensecrf's defaults,
    kernels are normalized symmetrically and the sums over j include i.

    A permutohedral lattice approximates the sums. How many pixels get the label of exact sums depends on the input;
    there is no bound. On images of 32 x 24 pixels with 3 and 5 labels it was 93% or more (97% in the median) for four
    photographs with soft score maps, and 70% or more (82% in the median) for images of noise whose scores differ by 1%.
    Two labels whose scores differ by 0.001 at most, constructed to disagree on a photograph, had less than 1%. The mean
    difference of the probabilities on the photographs is at most 0.03 (0.01 in the median), but a single pixel can
    differ fully. With pydensecrf, which has the same lattice, more than 99.9% of the labels are equal.

    Where numba is installed, compiled functions compute float32 on the CPU that needs no gradient and no
    ``compatibility``, on one thread. Their results differ from those of torch by rounding errors.

    Images of a batch do not influence each other. On a GPU they share one lattice and each update, which starts as many
    CUDA kernels for a batch as for one image; with ``MMWSL_TRITON=1`` in the environment, Triton computes updates that
    need no gradient and no ``compatibility``. On a CPU one image follows the other.

    The result is differentiable in ``probs``, except through labels below ``MIN_PROB`` and with ``gt_prob``.

    Args:
        probs: Non-negative scores of the labels, ``(K, H, W)``, or of a batch, ``(B, K, H, W)``; they are normalized
            to a sum of one. Pixels with zeros only start uniform. Half precision is computed and returned in float32.
        image: The image, ``(C, H, W)``, or the images of the batch, ``(B, C, H, W)``, values 0 to 255, in RGB. The
            channel order has a small effect, because it rotates the lattice.
        params: Widths and weights of the kernels, number of updates.
        compatibility: Penalty :math:`\mu(l, l')` of label l near label l', ``(K, K)``. None is the Potts model: one
            for different labels and zero for equal labels.
        plausible: Boolean mask of the labels to use, ``(K,)``, or of each image of the batch, ``(B, K)``, at least one.
            The other labels get probability zero.
        kernels: Kernels of this image or batch with the widths and weights of ``params``, which several calls can
            share. None builds them.

    Returns:
        Probabilities :math:`Q`, of the shape of ``probs``.

    Raises:
        ValueError: If shapes do not agree, values are negative or not finite, no label is plausible, or ``kernels`` are
            those of another image or of other parameters.
    """
    _check(probs, image, compatibility, plausible)
    if kernels is not None:
        _check_kernels(kernels, image, params)
    if probs.dim() == 4 and _is_split(probs):
        masks = [None] * len(probs) if plausible is None else plausible.unbind()
        # Kernels of an image that no other call needs are freed before those of the next are built.
        each = (CRFKernels(one, params) for one in image) if kernels is None else kernels.of_images()
        parts = zip(probs.unbind(), each, masks, strict=True)
        return torch.stack(
            [dense_crf(one, of_one.image, params, compatibility, mask, of_one) for one, of_one, mask in parts]
        )
    kernels = CRFKernels(image, params) if kernels is None else kernels
    scores = at_least_float32(probs).reshape(-1, probs.shape[-3], probs.shape[-2:].numel())
    if plausible is None:
        return _mean_field(_log_unary(scores, params.gt_prob), params, compatibility, kernels).view(probs.shape)
    # Labels of no image are left out; those of some images get probability zero in the others.
    plausible = plausible.view(scores.shape[:2])
    kept = plausible.any(0).nonzero().flatten()
    if compatibility is not None:
        compatibility = compatibility[kept][:, kept]
    log_unary = _log_unary(scores[:, kept], params.gt_prob, plausible[:, kept] if len(scores) > 1 else None)
    q = _mean_field(log_unary, params, compatibility, kernels)
    return torch.zeros_like(scores).index_copy(1, kept, q).view(probs.shape)


def _mean_field(log_unary: Tensor, params: CRFParams, compatibility: Tensor | None, kernels: CRFKernels) -> Tensor:
    """Run all updates on a unary term ``(B, K, N)``; return probabilities of the same shape."""
    images, labels, _ = log_unary.shape
    if labels == 1:
        return torch.ones_like(log_unary)
    if compatibility is None and _can_be_compiled(log_unary, params) and (compiled := kernels.compiled()):
        return compiled.mean_field(log_unary[0], params.iterations)[None]
    # One row per pixel, because the filters work on rows.
    log_unary = log_unary.transpose(1, 2).reshape(-1, labels).contiguous()
    q = _softmax(log_unary)
    for _ in range(params.iterations if _has_kernels(params) else 0):
        lattice = kernels.lattice(log_unary)
        if compatibility is None and log_unary.is_cuda and not _needs_gradient(log_unary) and triton_kernels():
            from . import triton_crf

            q = triton_crf.update(lattice, q, log_unary)
            continue
        message = lattice.filter(q)
        # In the Potts model the negative penalty is the message of the label itself, up to a sum over all labels.
        q = _softmax(log_unary + message if compatibility is None else log_unary - message @ compatibility.to(q).T)
    return q.view(images, -1, labels).transpose(1, 2).contiguous()


def plausible_labels(
    probs: Tensor, min_pixel_prob: float = 0.0, image_probs: Tensor | None = None, min_image_prob: float = 0.0
) -> Tensor:
    """Select the labels that are probable enough in some pixel and in the image.

    Args:
        probs: Non-negative scores of the pixels, ``(K, H, W)``; they are normalized to a sum of one.
        min_pixel_prob: Minimum probability in the highest-scoring pixel of a label, in [0, 1].
        image_probs: Probabilities of the labels in the image, ``(K,)``, or None for no condition.
        min_image_prob: Minimum probability in the image, in [0, 1].

    Returns:
        Boolean mask ``(K,)``. It always contains label 0, the background.
    """
    highest = (probs / _positive(probs.sum(0))).flatten(1).amax(1)
    plausible = highest >= min_pixel_prob
    if image_probs is not None:
        plausible &= image_probs.to(highest) >= min_image_prob
    plausible[0] = True
    return plausible


def _positive(values: Tensor) -> Tensor:
    return values.clamp(min=torch.finfo(values.dtype).tiny)


def _log_unary(probs: Tensor, gt_prob: float | None, usable: Tensor | None = None) -> Tensor:
    """Return the logarithm of the unary distribution from scores ``(B, K, N)``, up to a constant per pixel.

    Labels that are not ``usable (B, K)`` get minus infinity.
    """
    if usable is None:
        others: float | Tensor = max(probs.shape[1] - 1, 1)
    else:
        others = (usable.sum(1) - 1).clamp(min=1).to(probs)[:, None, None]
        usable = usable[:, :, None]
        probs = probs.masked_fill(~usable, 0 if gt_prob is None else -1)
    if gt_prob is None:
        unary = (probs / _positive(probs.sum(1, keepdim=True))).clamp(min=MIN_PROB)
    else:
        unary = torch.ones_like(probs) * ((1 - gt_prob) / others)
        unary.scatter_(1, probs.argmax(1, keepdim=True), gt_prob)
    return unary.log() if usable is None else unary.log().masked_fill(~usable, -torch.inf)


def _check_kernels(kernels: CRFKernels, image: Tensor, params: CRFParams) -> None:
    if kernels.image is not image or kernels.params.kernel_key != params.kernel_key:
        raise ValueError('`kernels` must be those of `image` and `params`. Build CRFKernels(image, params).')


def _is_split(probs: Tensor) -> bool:
    """Whether the images of a batch are processed one after the other.

    On a CPU the tables of one image fit into the cache: four images in one lattice took 1.3 to 2.3 times as long.
    """
    return probs.device.type == 'cpu'


def _can_be_compiled(log_unary: Tensor, params: CRFParams) -> bool:
    """Whether the compiled functions support the input."""
    is_supported = (
        log_unary.dtype == torch.float32 and log_unary.device.type == 'cpu' and not _needs_gradient(log_unary)
    )
    return is_supported and params.iterations > 0 and _has_kernels(params) and len(log_unary) == 1


def _needs_gradient(values: Tensor) -> bool:
    return torch.is_grad_enabled() and values.requires_grad


def _has_kernels(params: CRFParams) -> bool:
    return params.gaussian_weight > 0 or params.bilateral_weight > 0


def _softmax(logits: Tensor) -> Tensor:
    if logits.shape[1] >= 16 or logits.device.type != 'cpu':
        return logits.softmax(1)
    # On a CPU torch.softmax takes as long for 4 columns as for 16.
    exp = (logits - logits.detach().amax(1, keepdim=True)).exp_()
    return exp / exp.sum(1, keepdim=True)


def _check(probs: Tensor, image: Tensor, compatibility: Tensor | None, plausible: Tensor | None) -> None:
    check_probs(probs, batches=True)
    check_image(image, probs, 'probs')
    check_finite(image=image)
    labels = probs.shape[-3]
    if compatibility is not None and (compatibility.shape != (labels, labels) or not compatibility.isfinite().all()):
        raise ValueError(
            f'`compatibility` must be a finite matrix ({labels}, {labels}), one row and column for each label, '
            f'got shape {tuple(compatibility.shape)} with {(~compatibility.isfinite()).sum()} non-finite values.'
        )
    if plausible is not None and (
        plausible.shape != probs.shape[:-2] or plausible.dtype != torch.bool or not plausible.any(-1).all()
    ):
        raise ValueError(
            f'`plausible` must be a boolean mask {tuple(probs.shape[:-2])} with at least one label of each image, got '
            f'{plausible.dtype} of shape {tuple(plausible.shape)}.'
        )
