# The CRF of DeepLab v1 and v2. Classes that are improbable everywhere are left out, for speed.
postprocessors = [dict(type='mmwsl.DenseCRF', preset='deeplab', min_pixel_prob=0.05)]
