"""Pure mathematics, on torch and numpy alone."""

from .activation_maps import activation_maps
from .adaptive_bias import adaptive_bias
from .average_precision import average_precision
from .background import constant_background, normalize_odds, power_background
from .bilinear import bilinear_kernel
from .box_maps import crop_boxes, paint_boxes
from .box_proposals import ProposalRule, propose_boxes, soft_jaccard
from .constrained_bias import constrained_bias
from .dense_crf import CRF_PRESETS, CRFConstants, dense_crf, plausible_labels
from .double_threshold import double_threshold
from .guided_backprop import LayerRecord, recorded_layers
from .known_tags import exclude_absent, known_image_probs, reassign_absent
from .multilabel_losses import asymmetric_loss, class_balanced_weights, focal_loss
from .noisy_label_losses import bootstrapped_cross_entropy, generalized_cross_entropy, symmetric_cross_entropy
from .objectness import box_objectness, min_max_normalize, region_objectness, run_objectness
from .overlap_tile import overlap_tile
from .permutohedral import PermutohedralLattice
from .pixel_adaptive import pixel_adaptive_refinement
from .placement import interpolate_cells
from .pooling import (
    attention_pool,
    class_wise_mean,
    gem_pool,
    lse_pool,
    max_pool,
    mean_pool,
    noisy_or_pool,
    rank_pool,
    soft_pool,
    top_k_pool,
    valid_cells,
    weldon_pool,
    wildcat_pool,
)
from .priors import class_thresholds, image_level_prior, objectness_prior, saliency_prior
from .random_walk import affinity_random_walk
from .ranking_loss import average_precision_loss
from .saliency import candidate_classes, channel_saliency, distinct_class_saliency, normalize_maximum
from .score_codes import DECODED, MAX_ERROR, codes_above, encode_scores
from .shift_and_stitch import shift_and_stitch
from .superpixel_crf import mean_field, superpixel_crf, superpixel_graph
from .superpixels import superpixel_majority, superpixel_mean
from .weak_losses import best_cell_loss, cell_divergence, cell_label_loss
from .zoom_out import superpixel_pool, zoom_out_features

__all__ = [
    'CRFConstants',
    'CRF_PRESETS',
    'DECODED',
    'LayerRecord',
    'MAX_ERROR',
    'PermutohedralLattice',
    'ProposalRule',
    'activation_maps',
    'adaptive_bias',
    'affinity_random_walk',
    'asymmetric_loss',
    'attention_pool',
    'average_precision',
    'average_precision_loss',
    'best_cell_loss',
    'bilinear_kernel',
    'bootstrapped_cross_entropy',
    'box_objectness',
    'candidate_classes',
    'cell_divergence',
    'cell_label_loss',
    'channel_saliency',
    'class_balanced_weights',
    'class_thresholds',
    'class_wise_mean',
    'codes_above',
    'constant_background',
    'constrained_bias',
    'crop_boxes',
    'dense_crf',
    'distinct_class_saliency',
    'double_threshold',
    'encode_scores',
    'exclude_absent',
    'focal_loss',
    'gem_pool',
    'generalized_cross_entropy',
    'image_level_prior',
    'interpolate_cells',
    'known_image_probs',
    'lse_pool',
    'max_pool',
    'mean_field',
    'mean_pool',
    'min_max_normalize',
    'noisy_or_pool',
    'normalize_maximum',
    'normalize_odds',
    'objectness_prior',
    'overlap_tile',
    'paint_boxes',
    'pixel_adaptive_refinement',
    'plausible_labels',
    'power_background',
    'propose_boxes',
    'rank_pool',
    'reassign_absent',
    'recorded_layers',
    'region_objectness',
    'run_objectness',
    'saliency_prior',
    'shift_and_stitch',
    'soft_jaccard',
    'soft_pool',
    'superpixel_crf',
    'superpixel_graph',
    'superpixel_majority',
    'superpixel_mean',
    'superpixel_pool',
    'symmetric_cross_entropy',
    'top_k_pool',
    'valid_cells',
    'weldon_pool',
    'wildcat_pool',
    'zoom_out_features',
]
