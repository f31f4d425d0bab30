# Beside a head of pixel labels, a head that is trained on the image-level labels. It weights the classes of the masks
# (image-level prior, Pinheiro & Collobert, CVPR 2015, Eq. 7): a segmentor confuses classes, such as cows and horses,
# that a classifier tells apart. A config sets `auxiliary_head=dict(_base_.image_level_head, in_channels=...)`.
image_level_head = dict(
    type='mmwsl.LSEAggregationHead',
    in_index=1,
    hidden_channels=(512,),
    kernel_size=1,
    dropout_ratio=0.0,
    aggregator=dict(type='mmwsl.LSEPooling', r=0.3),  # as in the light classifiers
    background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
image_level_prior = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
