# EM-Adapt (Papandreou et al., ICCV 2015): the biases give background 40% of the image and each present class 20%.
# Published, VGG-16 and a CRF at test time, tuned on 100 masks: mIoU 38.2 on VOC 2012 val, 39.6 on test; the CRF gains 3
# to 5 points. With 1464 masks in addition to the image-level labels: 64.6 on val. Training as in wsl_emfixed_voc.py.
_base_ = ['wsl_emfixed_voc.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.EMAdaptLoss', foreground_portion=0.2, background_portion=0.4)
    )
)
