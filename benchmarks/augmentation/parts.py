"""The parts that the cost of a sample is made of, and how often each comes; no library is needed to import this."""

#: What every sample pays: the cut or the interpolation, the copy that becomes the target, drawing the parameters.
BASE = "nothing drawn"
#: Rotation and scaling without deformation, and deformation alone.
AFFINE, ELASTIC = "rotation and scaling", "elastic deformation"
INTENSITY = (
    "additive_noise", "blur", "multiplicative_noise", "motion_ghosting", "gibbs_ringing", "low_resolution",
    "bias_field", "gamma",
)  # fmt: skip
PARTS = (BASE, AFFINE, ELASTIC, *INTENSITY)

_ELASTIC, _ROTATION, _AXIS, _SCALE = 0.33, 0.2, 0.66, 0.2
#: Of the preset "all". Blur and low resolution are drawn for the sample and then for its channel.
CHANCES = {
    BASE: 1.0,
    AFFINE: (1 - _ELASTIC) * (1 - (1 - _ROTATION * (1 - (1 - _AXIS) ** 3)) * (1 - _SCALE)),
    ELASTIC: _ELASTIC,
    **dict.fromkeys(INTENSITY, 0.2),
    "blur": 0.1,
    "low_resolution": 0.1,
    "bias_field": 0.33,
}
