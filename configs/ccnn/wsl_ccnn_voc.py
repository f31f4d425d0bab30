# CCNN (Pathak et al., ICCV 2015): the nearest distribution with background on 30% to 70% of the image and each class
# present on at least 5%. Published, VGG-16 as FCN and a CRF at test time: mIoU 35.3 on VOC 2012 val, 35.6 on test (as
# quoted by DSRG, CVPR 2018). The authors: batches of 1, 35 000 iterations, momentum 0.99, weight decay 5e-7, a learning
# rate of 1e-6 in steps of 40 000. Here: ResNet-50 and the training of wsl_emfixed_voc.py.
_base_ = ['../em_adapt/wsl_emfixed_voc.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(
            _delete_=True, type='mmwsl.CCNNLoss', background_area=(0.3, 0.7), foreground_area=0.05, slack=2.0
        )
    )
)
