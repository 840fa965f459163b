"""The settings that shaped a result."""

from typing import Annotated

from memr_cli.results.schema import (
    MOST_SEEDS,
    UNSET,
    Count,
    Meta,
    Part,
    UnsetType,
    Value,
    seeds_from,
)


class Package(Part):
    """The installed package that a method comes from."""

    name: str
    """Name of the distribution."""
    version: str
    """Its version."""
    source: str
    """Hash of its source files."""
    requires: dict[str, str]
    """Versions of the packages it depends on."""


class TrainingValues(Part):
    """How one model was trained; values that only networks have are null for other methods."""

    hidden: int | UnsetType | None = UNSET
    """Units of the first hidden layer, or of each encoder."""
    optimizer: str | UnsetType | None = UNSET
    """`adam` or `adamw`."""
    learning_rate: float | UnsetType | None = UNSET
    """Step size of the optimiser."""
    weight_decay: float | UnsetType | None = UNSET
    """Shrinkage of weights."""
    batch_size: int | UnsetType | None = UNSET
    """Utterances of a step, or dialogues for methods that read dialogues."""
    dropout: float | UnsetType | None = UNSET
    """Share of hidden units that training leaves out."""
    averaging: float | UnsetType | None = UNSET
    """Share of the past in the running mean of the weights; 0 keeps the last step's weights."""
    epochs: int | UnsetType | None = UNSET
    """Most passes over the training rows."""
    patience: int | UnsetType | None = UNSET
    """Epochs without a better validation score after which training stops; null: no validation."""
    refit: bool | UnsetType = UNSET
    """Whether the model was trained anew on all training rows, validation rows included."""
    presence_indicator: bool | UnsetType | None = UNSET
    """Whether utterances that lack a modality are used too, with a flag that says so."""
    modality_dropout: float | UnsetType | None = UNSET
    """Probability with which training hides each modality of an utterance."""
    class_weights: str | UnsetType | None = UNSET
    """`none` or `balanced`."""
    label_smoothing: float | UnsetType | None = UNSET
    """Share of each target that is spread over all classes."""
    clip: float | UnsetType | None = UNSET
    """Largest norm of a gradient; null: not limited."""
    warm_up: int | UnsetType | None = UNSET
    """Steps in which the learning rate rises to its value."""
    input_dropout: float | UnsetType = UNSET
    """Share of the inputs of each encoder that training leaves out."""
    max_frames: int | UnsetType = UNSET
    """Segments that a longer sequence of frames is averaged into."""
    rank: int | UnsetType = UNSET
    """Rank of the tensor fusion."""
    memory: int | UnsetType = UNSET
    """Units of the recurrent networks over a dialogue."""
    package: Package | UnsetType = UNSET
    """The package of a method that is not memr's own."""


class Settings(TrainingValues):
    """Every value that shaped the numbers of one method."""

    seed: Count
    """The first seed."""
    seeds: Annotated[int, Meta(ge=1, le=MOST_SEEDS)]
    """Number of seeds, counting up from `seed`."""
    refit: bool
    """Whether models were trained anew on all training rows, validation rows included."""
    modalities: tuple[str, ...]
    """The modalities that the method uses."""
    subset: str
    """IEMOCAP's dialogues that take part: `all`, `improvised` or `scripted`."""
    normalize: dict[str, str]
    """`global` or `speaker`, by modality."""
    ensemble: bool
    """Whether the probabilities of all seeds are averaged before anything is decided."""
    calibrate: str | None
    """`temperature`, or null where probabilities are not calibrated."""
    overrides: dict[str, Value]
    """Settings given by hand in place of the preset's."""
    device: str
    """Device that trained the models."""
    n_parameters: Count
    """Trained weights of one fold's models."""
    retrain: bool | UnsetType = UNSET
    """In an ablation: whether models were trained without each modality too."""
    members: dict[str, TrainingValues] | UnsetType = UNSET
    """How each member of a combination was trained; its own training values are left out then."""

    def __post_init__(self) -> None:
        """Raise ValueError for settings that no result has."""
        if self.seed >= 2**62:
            raise ValueError(f"its settings name the seed {self.seed}")
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError("its settings name a modality twice")

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """Every seed, ascending."""
        return seeds_from(self.seed, self.seeds)

    @property
    def runs(self) -> tuple[int, ...]:
        """The seeds that predictions are listed under: of an ensemble the first alone."""
        return self.all_seeds[:1] if self.ensemble else self.all_seeds

    def normalization(self, modality: str) -> str:
        """Return how the features of a modality are normalised."""
        return self.normalize.get(modality, "global")

    @property
    def normalization_by_modality(self) -> dict[str, str]:
        """Return how the features of each modality that the method uses are normalised."""
        return {name: self.normalization(name) for name in self.modalities}

    @property
    def by_speaker(self) -> tuple[str, ...]:
        """The modalities that are normalised by speaker."""
        return tuple(name for name in self.modalities if self.normalization(name) == "speaker")
