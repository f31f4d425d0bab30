# CCNN (Pathak et al., ICCV 2015) on voc6: background on 30% to 70% of the image, each class on at least 5%.
_base_ = ['../em_adapt/wsl_emfixed_voc6.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(
            _delete_=True, type='mmwsl.CCNNLoss', background_area=(0.3, 0.7), foreground_area=0.05, slack=2.0
        )
    )
)
