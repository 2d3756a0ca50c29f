"""
Anomalies in a stream of movements
==================================

A wrist-worn sensor records acceleration and rotation of somebody who walks. The
detector learns from some recordings what walking looks like. Then it watches
another stream, into which ten seconds of badminton and of running were put.
"""

# %%
# The data come with sktime: recordings of ten seconds, six channels, ten values a
# second. Rows are time points, and ``lengths`` says where one recording ends and the
# next begins.
import matplotlib.pyplot as plt
import numpy as np
from sktime.datasets import load_basic_motions

from sklearn_tsrep import AMADDetector
from sklearn_tsrep.detection import judge_scores, to_segments
from sklearn_tsrep.plotting import AnomalyDisplay, AttentionDisplay

X, activity = load_basic_motions(split="train", return_type="numpy3D")
walks = X[activity == "walking"]
training, validation = (
    np.concatenate([recording.T for recording in part])
    for part in (walks[:6], walks[6:])
)
training.shape, validation.shape

# %%
# Six recordings are for training. The threshold comes from the four others: people
# walk in ways of their own, and those that the network has seen are reconstructed
# better than any other.
detector = AMADDetector(
    window_length=50, smoothing=10, max_steps=150, contamination=0.01, random_state=0
)
detector.fit(training, lengths=[100] * 6)
detector.set_threshold(validation, lengths=[100] * 4)

# %%
# The stream to watch: walking, with something else in between.
X, activity = load_basic_motions(split="test", return_type="numpy3D")
walks = X[activity == "walking"]
others = {name: X[activity == name][0] for name in ("badminton", "running")}
parts = [walks[0], walks[1], others["badminton"], walks[2], walks[3]]
parts += [others["running"], walks[4], walks[5]]
stream = np.concatenate([recording.T for recording in parts])
is_odd = np.repeat([0, 0, 1, 0, 0, 1, 0, 0], 100)

display = AnomalyDisplay.from_estimator(detector, stream, is_odd, max_channels=3)

# %%
# Alarms as segments: where they begin and end, and how strange they are at most.
# Alarms with at most five quiet time points between them are one.
scores = detector.score_samples(stream)
segments = to_segments(detector.predict(stream) == -1, scores, max_gap=5, min_length=5)
segments

# %%
# Which channels are to blame? Contributions sum to the score of a time point.
contributions = detector.contributions(stream)
{
    f"{segment['start']} to {segment['end']}": contributions[
        segment["start"] : segment["end"]
    ]
    .mean(axis=0)
    .round(2)
    .tolist()
    for segment in segments
}

# %%
# What it is worth by the labels, without point adjustment and with. A random score
# reaches a point-adjusted F1 that looks good, and nothing else.
random = -np.random.default_rng(0).random(len(stream))
for name, own in (("AMAD", scores), ("random", random)):
    figures = judge_scores(
        is_odd, own, detector.score_samples(validation), detector.offset_, max_buffer=50
    )
    print(name, {key: round(value, 2) for key, value in figures.items()})

# %%
# What the network looks at: the global attention map of a window, that of AutoMask,
# and how far they diverge.
AttentionDisplay.from_estimator(detector, stream[:50])
plt.show()
