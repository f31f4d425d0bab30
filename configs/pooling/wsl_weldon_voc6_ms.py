# WELDON at four scales: see wsl_weldon_voc_ms.py.
_base_ = ['wsl_weldon_voc6.py']
model = dict(
    inference=dict(
        scorer=dict(type='mmwsl.MultiScaleScorer', scales=[side / 448 for side in (224, 320, 448, 560)], merge='mean')
    )
)
