"""
Latents by class
================

What an encoder has learned without labels can be looked at with them: do series of one
class lie together, more than they did before training, and which latents speak up for
which class, and when?
"""

# %%
# The data come with sktime: recordings of ten seconds, six channels, ten values a
# second, of four movements. Labels are for the pictures only.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sktime.datasets import load_basic_motions

from sklearn_tsrep import DMAETransformer

X_train, y_train = load_basic_motions(split="train", return_type="numpy3D")
X_test, y_test = load_basic_motions(split="test", return_type="numpy3D")

encoder = DMAETransformer(random_state=0).fit(X_train)
untrained = DMAETransformer(max_epochs=0, random_state=0).fit(X_train)

# %%
# Features of the test series, in the plane in which those of the training series differ
# most.
looks = {
    "standing": ("#0072B2", "s"),
    "walking": ("#009E73", "^"),
    "running": ("#D55E00", "o"),
    "badminton": ("#CC79A7", "D"),
}

figure, panels = plt.subplots(
    2, 1, figsize=(5, 6.5), sharex=True, sharey=True, layout="constrained"
)
for panel, (title, own) in zip(
    panels, {"untrained": untrained, "trained": encoder}.items(), strict=True
):
    plane = make_pipeline(StandardScaler(), PCA(2)).fit(own.transform(X_train))
    places = plane.transform(own.transform(X_test))
    for name, (color, marker) in looks.items():
        panel.plot(
            *places[y_test == name].T, marker, color=color, alpha=0.75, ms=6, label=name
        )
    shares = [f"{share:.0%}" for share in plane[-1].explained_variance_ratio_]
    panel.set(ylabel="second component")
    panel.set_title(
        f"{title}: {shares[0]} and {shares[1]} of the variance",
        loc="left",
        fontsize="medium",
    )
    panel.spines[["top", "right"]].set_visible(False)
panels[-1].set_xlabel("first component")
_ = figure.legend(
    *panels[0].get_legend_handles_labels(),
    loc="outside upper center",
    ncols=4,
    frameon=False,
    handletextpad=0.1,
    columnspacing=1,
)

# %%
# Random weights already put the movements side by side: in these data it takes no
# learning to see how lively somebody is, which is most of the first component. Training
# leaves the picture much as it was (which way a component points means nothing): what
# it adds, if anything, is not to be seen here, and without the upper panel one would
# have thanked the training for all of it.
# Standing and walking are neighbours before and after. Two of many directions show only
# so much: whether classes can be told apart is for a classifier to say.

# %%
# Latents over time, of one test series a class. Each row is a latent, in standard
# deviations from its mean over all training series. Rows are the same in all four maps,
# sorted by the class in which the latent is highest on average in the training part;
# lines divide these groups.
latents = encoder.encode(X_train)
mean, deviation = (
    statistic(latents, axis=(0, 2))[:, np.newaxis] for statistic in (np.mean, np.std)
)
levels = np.stack([latents[y_train == name].mean(axis=(0, 2)) for name in looks])
levels = (levels - mean.T) / deviation.T
group = levels.argmax(axis=0)
order = np.lexsort((-levels.max(axis=0), group))
borders = np.cumsum(np.bincount(group, minlength=len(looks)))

figure, panels = plt.subplots(
    4, 1, figsize=(5, 8), sharex=True, sharey=True, layout="constrained"
)
for panel, name in zip(panels, looks, strict=True):
    series = X_test[y_test == name][:1]
    rows = ((encoder.encode(series)[0] - mean) / deviation)[order]
    image = panel.imshow(
        rows,
        aspect="auto",
        interpolation="nearest",
        cmap="RdBu_r",
        vmin=-3,
        vmax=3,
        extent=(0, rows.shape[1] / 10, len(rows), 0),
    )
    for border in borders[:-1]:
        panel.axhline(border, color="black", lw=0.8)
    panel.set_title(name, loc="left", fontsize="medium")
    panel.set_yticks((np.r_[0, borders[:-1]] + borders) / 2, looks)
    panel.tick_params(axis="y", length=0)
panels[-1].set_xlabel("time (s)")
figure.supylabel("latents, by the class in which they are highest", fontsize="medium")
_ = figure.colorbar(
    image,
    ax=panels,
    location="bottom",
    shrink=0.7,
    aspect=40,
    label="standard deviations from the latent's mean",
)
plt.show()

# %%
# A movement shows less in how high its latents are than in how they go up and down.
# Running has a rhythm that most latents follow, each at its own phase; badminton has
# strokes with rest between them; walking is a faint rhythm; and standing is calm but
# for a jolt where the recording begins. Maxima over time, the default pooling, keep
# such a swing; a mean loses it.
