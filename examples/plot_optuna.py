"""
Optuna, with pruning by the training history
============================================

Optuna looks for good parameters trial by trial, and ends trials early that fall behind.
For this it must be told how a trial goes while it trains: a callback of skorch reports
a column of the history after each epoch. Here a study looks for the width of T-Rep and
its time-embedding.
"""

# %%
# The data come with sktime: days of electricity demand in Italy, 24 hours each, in
# summer or in winter.
import matplotlib.pyplot as plt
import optuna
from scipy.stats import spearmanr
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import Callback
from sktime.datasets import load_italy_power_demand

from sklearn_tsrep import TRepTransformer

optuna.logging.set_verbosity(optuna.logging.WARNING)
X, y = load_italy_power_demand(split="train", return_type="numpy3D")
X.shape


# %%
# Callbacks are cloned before training, and a copy of a trial reports to nobody. So the
# callback is its own clone. The study looks for a high accuracy, and takes what is
# reported as high-is-good too: hence the sign.
class ReportToTrial(Callback):
    """Report a loss to a trial after each epoch, and end a trial that falls behind."""

    def __init__(self, trial, loss):
        self.trial = trial
        self.loss = loss

    def __sklearn_clone__(self):
        return self

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        self.trial.report(-net.history[-1, self.loss], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


# %%
# Which loss? The sum over all tasks is not the same thing with and without a
# time-embedding, which adds tasks of its own. The contrast along time is a task of all
# candidates.
def encoder_of(parameters, **further):
    """Return an encoder with parameters of a trial."""
    return TRepTransformer(
        n_latents=parameters["width"],
        hidden_channels=parameters["width"],
        time_embedding=parameters["time_embedding"],
        n_blocks=4,
        max_epochs=6,
        random_state=0,
    ).set_params(**further)


def accuracy(encoder):
    """Cross-validate a classifier on features that are learned without labels."""
    features = encoder.fit_transform(X)
    classifier = make_pipeline(StandardScaler(), SVC())
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_score(classifier, features, y, cv=folds).mean()


def objective(trial):
    """Return the accuracy of a trial, unless it is ended before."""
    parameters = {
        "width": trial.suggest_int("width", 8, 32, log=True),
        "time_embedding": trial.suggest_categorical(
            "time_embedding", ["time2vec", "mlp", "rbf", None]
        ),
    }
    report = ReportToTrial(trial, "temporal_loss")
    return accuracy(encoder_of(parameters, callbacks=[report]))


study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
)
study.optimize(objective, n_trials=12)
study.best_params, round(study.best_value, 3)

# %%
# How the trials went: lines that end early were pruned. All of them rise and fall
# together, since all see the same crops of the same series in the same order.
figure, panel = plt.subplots(figsize=(6, 3.5), layout="constrained")
for trial in study.trials:
    pruned = trial.state == optuna.trial.TrialState.PRUNED
    values = trial.intermediate_values
    panel.plot(
        list(values),
        [-value for value in values.values()],
        color="#D55E00" if pruned else "0.6",
        lw=2 if pruned else 1,
        label="pruned" if pruned else "to the end",
    )
handles = dict(zip(*panel.get_legend_handles_labels()[::-1], strict=True))
panel.legend(handles.values(), handles.keys(), frameon=False)
panel.set(xlabel="epoch", ylabel="contrast along time")
panel.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Pruning by a loss is a bet that a lower loss means better features. The trials that
# went to the end tell, by the rank correlation of their last loss with their accuracy,
# which should be negative; the encoder without training tells what there was to win.
ended = [trial for trial in study.trials if len(trial.intermediate_values) == 6]
last_losses = [-trial.intermediate_values[6] for trial in ended]
correlation = spearmanr(last_losses, [trial.value for trial in ended]).statistic
untrained = accuracy(encoder_of(study.best_params, max_epochs=0))
print(f"trials to the end: {len(ended)} of {len(study.trials)}")
print(f"rank correlation of loss and accuracy: {correlation:.2f}")
print(f"accuracy: best {study.best_value:.3f}, untrained {untrained:.3f}")

# %%
# One day of 67 is 1.5 points, so that many trials share one accuracy, and the best is
# the best of several tries: its figure is flattering, and a test part has to judge it.
# Whoever does not want to bet on a loss trains in stages: ``partial_fit`` goes on for
# ``max_epochs`` more epochs, and the accuracy after each stage can be reported instead.
