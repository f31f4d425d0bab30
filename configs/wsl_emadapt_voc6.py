# EM-Adapt (Papandreou et al., ICCV 2015) on voc6: the biases give background 40 % of the picture and each class 20 %.
_base_ = ['wsl_emfixed_voc6.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(
            _delete_=True, type='mmwsl.EMAdaptLoss', foreground_portion=0.2, background_portion=0.4)))
