"""Pure tensor mathematics on torch and numpy alone."""

from .adaptive_bias import adaptive_bias
from .affinity import boundary_affinities, feature_affinities, path_locations
from .affinity_losses import (
    BACKGROUND_PAIR,
    FOREGROUND_PAIR,
    NEGATIVE_PAIR,
    NO_PAIR,
    affinity_losses,
    displacement_losses,
    pair_labels,
)
from .attention_affinity import (
    attention_affinity,
    box_masks,
    guided_attention,
    propagate_class_maps,
    sinkhorn_normalize,
)
from .average_precision import AP_VARIANTS, average_precision
from .background import constant_background, logit_softmax, power_background
from .beam_search import beam_search, box_tent, split_boxes
from .bilinear import bilinear_kernel
from .border_weights import border_weights, class_frequency_weights
from .box_maps import boxes_to_map, crop_and_resize
from .box_proposals import ProposalRule, propose_boxes, soft_jaccard
from .boxes import box_iou, non_maximum_suppression
from .ccnn_bias import ccnn_bias
from .class_activation_maps import class_activation_maps
from .class_tokens import (
    class_attention,
    class_token_contrast,
    crop_token_contrast,
    fuse_class_attention,
    patch_attention,
    refine_by_attention,
    uncertain_crops,
)
from .crf_kernels import CRFKernels
from .crf_params import CRF_PRESETS, CRFParams
from .dense_crf import dense_crf, plausible_labels
from .double_threshold import double_threshold
from .elastic_deformation import elastic_displacement
from .equivariance import (
    equivariance_loss,
    hardest_mean,
    keep_highest,
    lowest_foreground,
    normalized_maps,
    pixel_correlation,
    scale_maps,
    with_background,
)
from .feature_discrepancy import feature_discrepancy_loss
from .fixed_point_resize import fixed_point_resize
from .gradient_maps import gradient_class_maps, min_max_maps, prompt_probabilities
from .guided_backprop import LayerRecord, recorded_layers
from .image_labels import mask_absent_classes, override_image_probs, redistribute_absent_classes
from .image_saliency import calibrate_saliency, frequency_tuned_saliency, geodesic_saliency
from .input_scaling import estimate_input_std
from .inputs import at_least_float32, copy_to, numbers_on
from .instance_matching import average_best_overlap, mask_ious, match_instances
from .instances import (
    connected_components,
    displacement_centers,
    displacement_groups,
    instance_scores,
    label_instances,
)
from .loss_balance import foreground_balanced_mean
from .loss_clipping import clip_losses
from .loss_filter import noisy_pixels
from .mask_prompts import component_boxes, map_peaks, mask_stability, point_grid
from .multilabel_losses import asymmetric_loss, class_balanced_weights, sigmoid_focal_loss
from .neighbors import half_disc_offsets
from .noisy_label_losses import (
    bootstrapped_cross_entropy,
    generalized_cross_entropy,
    smoothed_cross_entropy,
    symmetric_cross_entropy,
)
from .objectness import box_objectness, min_max_normalize, region_objectness, rle_objectness
from .online_labels import merge_threshold_labels, online_labels, threshold_softmax
from .overlap_tile import mirrored_positions, overlap_tile
from .permutohedral import PermutohedralLattice
from .pixel_adaptive import pixel_adaptive_refinement
from .placement import interpolate_score_map
from .pooling import (
    attention_pool,
    class_wise_pool,
    gem_pool,
    global_average_pool,
    global_max_pool,
    global_sum_pool,
    global_weighted_rank_pool,
    lse_pool,
    noisy_or_pool,
    softmax_pool,
    top_k_pool,
    valid_locations,
    weldon_pool,
    wildcat_pool,
)
from .priors import class_thresholds, image_level_prior, objectness_prior, saliency_prior
from .proposal_recall import best_overlaps, mask_overlaps, proposal_recall
from .proxy_attention import proxy_attention, proxy_weights
from .quantization import DEQUANTIZED, MAX_ERROR, quantize_scores, quantize_threshold
from .random_walk import affinity_random_walk, sparse_random_walk
from .ranking_loss import average_precision_loss
from .reactivation import class_features, reactivation_loss
from .region_attention import merge_regions, region_attention
from .region_cascade import box_peak_map, location_boxes, sample_training_pairs, select_class_boxes
from .region_vote import masks_to_superpixels, region_vote
from .roi_align import roi_align, roi_align_gradient
from .saliency import candidate_classes, channel_saliency, distinct_class_saliency, max_normalize
from .shift_and_stitch import shift_and_stitch
from .soft_labels import saliency_targets, soft_label_cross_entropy
from .stratified_split import per_class_split, stratified_split
from .superpixel_crf import mean_field, superpixel_crf, superpixel_graph
from .superpixels import superpixel_majority, superpixel_mean
from .token_affinity import token_affinity_loss
from .token_contrast import patch_token_contrast
from .unsupervised_thresholds import (
    GaussianMixture,
    ThresholdEstimate,
    absent_class_threshold,
    area_threshold,
    committee_threshold,
    fit_gaussian_mixture,
    gaussian_mixture_threshold,
    label_consistency_threshold,
    otsu_threshold,
    region_agreement,
    view_kappa,
)
from .weak_losses import (
    mil_fcn_loss,
    score_map_binary_cross_entropy,
    score_map_cross_entropy,
    score_map_kl_divergence,
)
from .zoom_out import superpixel_pool, zoom_out_features

__all__ = [
    'class_attention',
    'class_token_contrast',
    'component_boxes',
    'crop_token_contrast',
    'equivariance_loss',
    'fuse_class_attention',
    'guided_attention',
    'hardest_mean',
    'keep_highest',
    'lowest_foreground',
    'map_peaks',
    'mask_stability',
    'normalized_maps',
    'copy_to',
    'numbers_on',
    'patch_attention',
    'pixel_correlation',
    'point_grid',
    'refine_by_attention',
    'scale_maps',
    'token_affinity_loss',
    'with_background',
    'class_features',
    'reactivation_loss',
    'AP_VARIANTS',
    'BACKGROUND_PAIR',
    'CRFKernels',
    'CRFParams',
    'CRF_PRESETS',
    'DEQUANTIZED',
    'FOREGROUND_PAIR',
    'GaussianMixture',
    'LayerRecord',
    'MAX_ERROR',
    'NEGATIVE_PAIR',
    'NO_PAIR',
    'PermutohedralLattice',
    'ProposalRule',
    'ThresholdEstimate',
    'absent_class_threshold',
    'adaptive_bias',
    'affinity_losses',
    'affinity_random_walk',
    'area_threshold',
    'asymmetric_loss',
    'at_least_float32',
    'attention_affinity',
    'attention_pool',
    'average_best_overlap',
    'average_precision',
    'average_precision_loss',
    'beam_search',
    'best_overlaps',
    'bilinear_kernel',
    'bootstrapped_cross_entropy',
    'border_weights',
    'boundary_affinities',
    'box_iou',
    'box_objectness',
    'box_masks',
    'box_peak_map',
    'box_tent',
    'boxes_to_map',
    'calibrate_saliency',
    'candidate_classes',
    'ccnn_bias',
    'channel_saliency',
    'class_activation_maps',
    'class_balanced_weights',
    'class_frequency_weights',
    'class_thresholds',
    'class_wise_pool',
    'clip_losses',
    'committee_threshold',
    'connected_components',
    'constant_background',
    'crop_and_resize',
    'dense_crf',
    'displacement_centers',
    'displacement_groups',
    'displacement_losses',
    'distinct_class_saliency',
    'double_threshold',
    'elastic_displacement',
    'estimate_input_std',
    'feature_affinities',
    'feature_discrepancy_loss',
    'fit_gaussian_mixture',
    'fixed_point_resize',
    'frequency_tuned_saliency',
    'gaussian_mixture_threshold',
    'gem_pool',
    'generalized_cross_entropy',
    'geodesic_saliency',
    'foreground_balanced_mean',
    'global_average_pool',
    'global_max_pool',
    'global_sum_pool',
    'global_weighted_rank_pool',
    'gradient_class_maps',
    'half_disc_offsets',
    'image_level_prior',
    'instance_scores',
    'interpolate_score_map',
    'label_consistency_threshold',
    'label_instances',
    'location_boxes',
    'logit_softmax',
    'lse_pool',
    'mask_absent_classes',
    'mask_ious',
    'mask_overlaps',
    'match_instances',
    'max_normalize',
    'mean_field',
    'masks_to_superpixels',
    'merge_regions',
    'merge_threshold_labels',
    'mil_fcn_loss',
    'min_max_normalize',
    'mirrored_positions',
    'noisy_or_pool',
    'noisy_pixels',
    'min_max_maps',
    'prompt_probabilities',
    'propagate_class_maps',
    'non_maximum_suppression',
    'objectness_prior',
    'online_labels',
    'otsu_threshold',
    'overlap_tile',
    'override_image_probs',
    'pair_labels',
    'patch_token_contrast',
    'path_locations',
    'per_class_split',
    'pixel_adaptive_refinement',
    'plausible_labels',
    'power_background',
    'proposal_recall',
    'propose_boxes',
    'proxy_attention',
    'proxy_weights',
    'quantize_scores',
    'quantize_threshold',
    'recorded_layers',
    'redistribute_absent_classes',
    'region_agreement',
    'region_objectness',
    'region_attention',
    'region_vote',
    'rle_objectness',
    'roi_align',
    'roi_align_gradient',
    'saliency_prior',
    'saliency_targets',
    'sample_training_pairs',
    'score_map_binary_cross_entropy',
    'score_map_cross_entropy',
    'score_map_kl_divergence',
    'select_class_boxes',
    'shift_and_stitch',
    'sigmoid_focal_loss',
    'sinkhorn_normalize',
    'soft_jaccard',
    'smoothed_cross_entropy',
    'soft_label_cross_entropy',
    'softmax_pool',
    'sparse_random_walk',
    'split_boxes',
    'stratified_split',
    'superpixel_crf',
    'superpixel_graph',
    'superpixel_majority',
    'superpixel_mean',
    'superpixel_pool',
    'symmetric_cross_entropy',
    'threshold_softmax',
    'top_k_pool',
    'uncertain_crops',
    'valid_locations',
    'view_kappa',
    'weldon_pool',
    'wildcat_pool',
    'zoom_out_features',
]
