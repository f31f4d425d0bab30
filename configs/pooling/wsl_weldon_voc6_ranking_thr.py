# WELDON with the ranking loss and a threshold per class on the probabilities: uses a checkpoint of
# wsl_weldon_voc6_ranking.py. The paper has no masks, and so no CRF.
_base_ = ['wsl_weldon_voc6_ranking.py']
model = dict(
    inference=dict(
        postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_weldon_ranking_thr.json')]
    )
)
