"""
The nearest normal
==================

A wrist-worn sensor records somebody who walks. The detector remembers what walking
looks like. Then it watches a stream as it comes, into which badminton and running were
put, and says which channels gave them away.
"""

# %%
# The data come with sktime: recordings of ten seconds, six channels, ten values a
# second. Rows are time points, and ``lengths`` says where one recording ends and the
# next begins.
import matplotlib.pyplot as plt
import numpy as np
from sktime.datasets import load_basic_motions

from sklearn_tsrep.detection import RepresentationDetector, judge_scores, to_segments
from sklearn_tsrep.plotting import AnomalyDisplay

X, activity = load_basic_motions(split="train", return_type="numpy3D")
walks = X[activity == "walking"]
training, validation = (
    np.concatenate([recording.T for recording in part])
    for part in (walks[:6], walks[6:])
)
training.shape, validation.shape

# %%
# Nothing is trained: random convolutions represent the time points, and windows of them
# are remembered. The threshold comes from recordings that are not. With ``causal`` a
# score depends on what came before alone.
detector = RepresentationDetector(
    causal=True, smoothing=10, contamination=0.01, random_state=0
)
detector.fit(training, lengths=[100] * 6)
detector.set_threshold(validation, lengths=[100] * 4)

# %%
# The stream to watch, one second at a time. Its scores are those of the whole series.
X, activity = load_basic_motions(split="test", return_type="numpy3D")
walks = X[activity == "walking"]
others = {name: X[activity == name][0] for name in ("badminton", "running")}
parts = [walks[0], walks[1], others["badminton"], walks[2], walks[3]]
parts += [others["running"], walks[4], walks[5]]
series = np.concatenate([recording.T for recording in parts])
is_odd = np.repeat([0, 0, 1, 0, 0, 1, 0, 0], 100)

stream = detector.stream()
scores = np.concatenate([stream.push(second) for second in np.split(series, 80)])
float(np.abs(scores - detector.score_samples(series)).max())

# %%
# What it sees.
display = AnomalyDisplay.from_estimator(detector, series, is_odd, max_channels=3)

# %%
# Alarms as segments, and what each channel has in them.
segments = to_segments(scores < detector.offset_, scores, max_gap=10, min_length=5)
contributions = detector.contributions(series)
fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for segment in segments:
    rows = slice(segment["start"], segment["end"])
    share = contributions[rows].mean(axis=0) / contributions[rows].sum(axis=1).mean()
    axes.plot(share, "o", alpha=0.7, label=f"{segment['start']} to {segment['end']}")
axes.set(xlabel="channel", ylabel="share of the score", ylim=(0, None))
axes.legend(title="alarm")
plt.show()

# %%
# What it is worth by the labels, beside a random score, and beside windows of values in
# place of representations.
raw = RepresentationDetector(
    transformer=None, causal=True, smoothing=10, contamination=0.01
)
raw.fit(training, lengths=[100] * 6).set_threshold(validation, lengths=[100] * 4)
random = -np.random.default_rng(0).random(len(series))
for name, own, known in (
    ("representations", detector.score_samples(series), detector),
    ("values", raw.score_samples(series), raw),
    ("random", random, detector),
):
    figures = judge_scores(
        is_odd, own, known.score_samples(validation), known.offset_, max_buffer=50
    )
    print(name, {key: round(value, 2) for key, value in figures.items()})
