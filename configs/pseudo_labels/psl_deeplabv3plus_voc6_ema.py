# An exponential moving average of the weights is evaluated, saved, and generates the labels of the next round, as the
# teacher of CoSA (Yang et al., ECCV 2024) does. The statistics of batch normalization are copied, not averaged. CoSA's
# momentum is 0.0006 for 40,000 iterations; for a short training it is 10 divided by the iterations, here about 1000.
_base_ = ['psl_deeplabv3plus_voc6.py']
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=0.01)]
