# The image-level prior, then objectness. A transform of the config computes the field `objectness`.
objectness = [dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.ObjectnessPrior')]
