default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict(backend='nccl')
)
# On a GPU: bfloat16 where the GPU has it, TF32 elsewhere, convolutions channels last, one kernel per optimizer step.
acceleration_cfg = dict(amp='auto', tf32=True, channels_last=True, fused_optimizer=True)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
tta_model = dict(type='mmwsl.WeakSegTTAModel')
custom_hooks = [dict(type='mmwsl.ProvenanceHook'), dict(type='mmwsl.FeatureCacheHook')]
