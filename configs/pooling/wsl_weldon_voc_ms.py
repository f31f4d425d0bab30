# WELDON at eight scales, windows of 30% to 100% of the image: the network of wsl_weldon_voc.py, with the mean of the
# image-level scores and of the class maps on one grid. Published: see there. The paper trains one network per scale and
# fuses them by a linear SVM on all their scores ("Object Bank"); here one network scores all scales.
_base_ = ['wsl_weldon_voc.py']
model = dict(
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 249, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    )
)
