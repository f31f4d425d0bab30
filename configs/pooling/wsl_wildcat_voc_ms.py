# WILDCAT at seven scales: the network of wsl_wildcat_voc.py, with the mean of the image-level scores and of the class
# maps on one grid. Published: see there. The 20 highest and lowest scores of 14 x 14 are a fraction of the locations at
# every scale; the paper takes 3 to 30 scores. The mean over scales is not verified in the paper.
_base_ = ['wsl_wildcat_voc.py']
model = dict(
    decode_head=dict(aggregator=dict(kmax=0.102, kmin=0.102)),
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    ),
)
