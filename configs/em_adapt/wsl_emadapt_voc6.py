# EM-Adapt (Papandreou et al., ICCV 2015) on voc6: the biases give background 40% of the image and each class 20%. It
# starts from weights that localize, so train wsl_lse_voc6.py first: with random weights the fractions go to arbitrary
# locations.
_base_ = ['wsl_emfixed_voc6.py']
load_from = 'work_dirs/wsl_lse_voc6/epoch_6.pth'  # python tools/train.py configs/lse/wsl_lse_voc6.py
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.EMAdaptLoss', foreground_portion=0.2, background_portion=0.4)
    )
)
