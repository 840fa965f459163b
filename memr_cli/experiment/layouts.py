"""Which arrays a method's model has to have: a file's own word is not taken for it."""

from memr_cli.experiment.experiment import Experiment
from memr_cli.learning.checkpoints import SCALE, Layout
from memr_cli.methods.installed import OWN, InstalledMethod
from memr_cli.methods.method import SELECTION, TrainedMethod
from memr_cli.methods.network import NetworkMethod

MEAN = "scaler.mean"


def layout(experiment: Experiment, method: TrainedMethod) -> Layout | None:
    """What a model of this method has in this experiment; loads torch. None where nobody knows.

    Of a method that another package offers only the scaler is known.
    """
    settings = experiment.training_settings(method)
    shapes: dict[str, tuple[int, ...]] = {}
    others: tuple[str, ...] = ()
    made: object = method
    if isinstance(made, NetworkMethod):
        from memr_cli.learning.layouts import shapes_of  # loads torch

        data = experiment.data
        inputs, architecture = made.prepare(data, method.modalities(tuple(data.dims)), settings)
        shapes, n_features = shapes_of(architecture), inputs.n_features
    elif isinstance(made, InstalledMethod):
        dims = experiment.data.dims
        n_features = sum(dims[name] for name in method.modalities(tuple(dims)))
        others = (OWN, f"{SELECTION}{OWN}")
    else:
        return None
    shapes |= dict.fromkeys((MEAN, SCALE), (n_features,))
    if settings.refit:
        shapes |= {f"{SELECTION}{name}": shape for name, shape in shapes.items()}
    return Layout(shapes, others)
