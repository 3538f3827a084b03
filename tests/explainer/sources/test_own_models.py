"""Users' own models: from Python, from files that a small TOML describes, and from functions of allowed modules."""

from __future__ import annotations

import hashlib
import re
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import explainer
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.catalogue.models import identifiers
from explainer.catalogue.models.released import NO_CLASSIFIERS
from explainer.errors import (
    ChangedWeightsError,
    CodeNotAllowedError,
    DamagedWeightsError,
    ExplainerError,
    GuidedBackpropError,
    MissingWeightsError,
    ModelDescriptionError,
    NoGradientError,
    PredictionError,
    UnknownModelError,
)
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.latent_shift import latent_shift
from tests.explainer.models import Identity, Linear, seeded

SIZE = 8
CLASSIFIER = {"targets": ["Effusion", "Mass"], "output": "logits", "input_size": SIZE, "input_range": [-1024, 1024]}
AUTOENCODER = {"kind": "autoencoder", "input_size": SIZE, "input_range": [-1024, 1024]}
FIRST = torch.tensor([0])


class Network(nn.Module):
    """Two logits, with layers that behave otherwise in training."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4 * SIZE * SIZE, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.drop(torch.flatten(self.relu(self.norm(self.conv(x / 1024))), 1)))
        return logits


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 6, 2, stride=2)
        self.up = nn.ConvTranspose2d(6, 1, 2, stride=2)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return self.down(x)  # type: ignore[no-any-return]

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Method(nn.Module):
    """One method of a network as a network, which is what torch.export takes."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self.network, self.method)(x)  # type: ignore[no-any-return]


def seeded_network(kind: type[nn.Module] = Network) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind().eval()


def script(network: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network).save(str(path))
    return path


def export(network: nn.Module, path: Path, shape: tuple[int, ...] = (2, 1, SIZE, SIZE), *, fixed: bool = False) -> Path:
    shapes = None if fixed else ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(network, (torch.zeros(shape),), dynamic_shapes=shapes), path)
    return path


def write(folder: Path, values: dict[str, Any]) -> str:
    def value(of: Any) -> str:
        return f'"{of}"' if isinstance(of, str) else str(of).replace("'", '"')

    path = folder / "model.toml"
    path.write_text("".join(f"{key} = {value(of)}\n" for key, of in values.items()), encoding="utf-8")
    return str(path)


def images(count: int = 2) -> Tensor:
    return seeded(count, 1, SIZE, SIZE) * 400


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two networks as TorchScript and as torch.export files."""
    folder = tmp_path_factory.mktemp("files")
    script(seeded_network(), folder / "classifier.pt")
    export(seeded_network(), folder / "classifier.pt2")
    coder = seeded_network(Coder)
    script(coder, folder / "coder.pt")
    export(Method(coder, "encode"), folder / "encoder.pt2")
    export(Method(coder, "decode"), folder / "decoder.pt2", (2, 6, SIZE // 2, SIZE // 2))
    return folder


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable module of a user."""
    name = "own_models_of_a_user"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent("""
        from explainer import Autoencoder, Classifier
        from tests.explainer.models import Identity, Linear, seeded

        def network():
            return Linear(seeded(2, 64) / 5000)

        def classifier():
            return Classifier(network(), identifier="mine", targets=["a", "b"], input_size=8)

        def autoencoder():
            return Autoencoder(Identity(), identifier="mine", input_size=8)

        def broken():
            raise KeyError("weights")
        """),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


@pytest.mark.parametrize("file", ["classifier.pt", "classifier.pt2"])
def test_a_file_scores_and_explains_as_the_network_that_it_was_made_from(
    files: Path, tmp_path: Path, file: str
) -> None:
    path = write(tmp_path, {"id": "ours", "file": str(files / file), **CLASSIFIER, "operating_points": [0.3, 0.6]})
    classifier = explainer.load_classifier(path)
    original = explainer.Classifier(
        seeded_network(), identifier="x", targets=["a", "b"], operating_points=[0.3, 0.6], input_size=SIZE
    )
    assert (classifier.id, classifier.targets, classifier.input_size) == ("ours", ("Effusion", "Mass"), SIZE)
    assert classifier.weights_sha256 == hashlib.sha256((files / file).read_bytes()).hexdigest()
    for count in (1, 3):
        x = images(count)
        columns = torch.zeros(count, dtype=torch.long)
        torch.testing.assert_close(classifier(x), original(x))
        torch.testing.assert_close(input_gradient(classifier, x, columns), input_gradient(original, x, columns))


def test_paper_scoring_holds_for_models_of_ones_own(files: Path, tmp_path: Path) -> None:
    path = write(tmp_path, {"file": str(files / "classifier.pt2"), **CLASSIFIER})
    x = images()
    expected = torch.sigmoid(explainer.load_classifier(path)(x))
    torch.testing.assert_close(explainer.load_classifier(path, scoring="paper")(x), expected)


def test_guided_backprop_refuses_a_script_whose_relus_it_cannot_reach(files: Path, tmp_path: Path) -> None:
    classifier = explainer.load_classifier(write(tmp_path, {"file": str(files / "classifier.pt"), **CLASSIFIER}))
    for _ in range(3):  # TorchScript changes its graph after its first runs
        with pytest.raises(GuidedBackpropError, match="guided backpropagation"):
            guided_backprop(classifier, images(1), FIRST)


def test_guided_backprop_of_an_exported_file_is_that_of_the_network(files: Path, tmp_path: Path) -> None:
    classifier = explainer.load_classifier(write(tmp_path, {"file": str(files / "classifier.pt2"), **CLASSIFIER}))
    original = explainer.Classifier(seeded_network(), identifier="x", targets=["a", "b"], input_size=SIZE)
    guided = guided_backprop(original, images(1), FIRST)
    assert not torch.allclose(guided, input_gradient(original, images(1), FIRST))
    torch.testing.assert_close(guided_backprop(classifier, images(1), FIRST), guided)


@pytest.mark.parametrize("way", [{"file": "coder.pt"}, {"encoder": "encoder.pt2", "decoder": "decoder.pt2"}])
def test_an_autoencoder_from_files_is_the_one_they_were_made_from(
    files: Path, tmp_path: Path, way: dict[str, str]
) -> None:
    path = write(tmp_path, {**AUTOENCODER, **{key: str(files / file) for key, file in way.items()}})
    autoencoder = explainer.load_autoencoder(path)
    original = seeded_network(Coder)
    for count in (1, 3):
        torch.testing.assert_close(autoencoder(images(count)), original(images(count)))
    classifier = explainer.Classifier(
        Linear(seeded(1, SIZE * SIZE) / 3000), identifier="x", targets=["a"], input_size=SIZE
    )
    settings = LatentShiftSettings(frames=3, drop=0.01, rise=0.01)
    assert len(latent_shift(classifier, autoencoder, images(), torch.tensor([0, 0]), settings)) == 2
    assert explainer.load_autoencoder(f"{path}@16")(seeded(1, 1, 16, 16)).shape == (1, 1, 16, 16)


def test_loaded_graphs_can_be_handed_to_the_constructors(files: Path) -> None:
    exported = torch.export.load(files / "classifier.pt2").module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.load(str(files / "classifier.pt"))
    x = images()
    expected = torch.sigmoid(seeded_network()(x))
    for graph in (exported, scripted):
        classifier = explainer.Classifier(graph, identifier="x", targets=["a", "b"], input_size=SIZE)
        torch.testing.assert_close(classifier(x), expected)


def test_without_operating_points_probabilities_stay_as_they_are() -> None:
    network = Linear(seeded(2, SIZE * SIZE) / 3000)
    classifier = explainer.Classifier(network, identifier="x", targets=["a", "b"], input_size=SIZE)
    torch.testing.assert_close(classifier(images()), torch.sigmoid(network(images())))


def test_outputs_may_be_logits_exclusive_logits_or_probabilities() -> None:
    logits = Linear(seeded(2, SIZE * SIZE) / 3000)
    arguments: dict[str, Any] = {"identifier": "x", "targets": ["a", "b"], "input_size": SIZE}
    x = images()
    softmax = explainer.Classifier(logits, output="softmax", **arguments)(x)
    torch.testing.assert_close(softmax, torch.softmax(logits(x), dim=1))
    ready = explainer.Classifier(nn.Sequential(logits, nn.Sigmoid()), output="probabilities", **arguments)(x)
    torch.testing.assert_close(ready, torch.sigmoid(logits(x)))
    with pytest.raises(PredictionError, match="no probabilities"):
        explainer.Classifier(logits, output="probabilities", **arguments)(x * 1000)
    with pytest.raises(ModelDescriptionError, match="logits, softmax, probabilities"):
        explainer.Classifier(logits, output=cast("Any", "odds"), **arguments)


def test_one_bad_image_of_a_batch_is_a_prediction_error_and_no_score() -> None:
    classifier = explainer.Classifier(
        Linear(seeded(1, SIZE * SIZE) / 3000), identifier="x", targets=["a"], input_size=SIZE
    )
    x = images(3)
    x[1, 0, 0, 0] = float("nan")
    with pytest.raises(PredictionError, match=r"not finite \(NaN\) for 1 of 3 images"):
        classifier(x)


def test_an_autoencoder_needs_both_methods_and_images_of_its_size() -> None:
    with pytest.raises(ModelDescriptionError, match="`encode` and `decode`"):
        explainer.Autoencoder(nn.Identity(), identifier="x")

    class Cropping(Identity):
        def decode(self, z: Tensor) -> Tensor:
            return z[..., 1:]

    with pytest.raises(PredictionError, match="not to images of 8 x 8"):
        explainer.Autoencoder(Cropping(), identifier="x", input_size=SIZE)(images())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"targets": None}, "lacks targets"),
        ({"output": None, "input_range": None}, "lacks output, input_range"),
        ({"input_sise": 8}, "did you mean input_size"),
        ({"colour": "blue"}, "which a classifier does not have"),
        ({"targets": "Effusion"}, "must be a list of names"),
        ({"targets": ["Mass", "Mass"]}, "a name twice"),
        ({"operating_points": [0.5]}, "one operating point for each"),
        ({"operating_points": [0.5, 1.5]}, "between 0 and 1"),
        ({"input_size": "224"}, "side in pixels"),
        ({"input_size": 0}, "side in pixels"),
        ({"input_range": [1, 0]}, "black and white"),
        ({"output": "odds"}, "logits, softmax, probabilities"),
        ({"output": 3}, "must be a name"),
        ({"kind": "autoencoder"}, "kind = 'classifier' is needed"),
        ({"callable": "a:b"}, "in one way"),
        ({"file": None}, "in one way"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(
    files: Path, tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    values = {"file": str(files / "classifier.pt2"), **CLASSIFIER, **changes}
    path = write(tmp_path, {key: value for key, value in values.items() if value is not None})
    with pytest.raises(ModelDescriptionError, match=text):
        explainer.load_classifier(path)


def test_all_that_is_wrong_with_a_description_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelDescriptionError) as caught:
        explainer.load_classifier(
            write(tmp_path, {**CLASSIFIER, "flie": "a.pt", "input_size": 0, "targets": ["", "a"]})
        )
    for part in ("the key flie", "did you mean file?", "input_size of model.toml is 0", "targets of model.toml has ''"):
        assert part in str(caught.value)


def test_a_description_that_is_not_there_or_no_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="no description"):
        explainer.load_classifier(str(tmp_path / "absent.toml"))
    (tmp_path / "bad.toml").write_text("targets = [")
    with pytest.raises(ModelDescriptionError, match="not valid TOML"):
        explainer.load_autoencoder(str(tmp_path / "bad.toml"))


def save_state(folder: Path) -> Path:
    torch.save(seeded_network().state_dict(), folder / "state.pt")
    return folder / "state.pt"


def write_text(folder: Path) -> Path:
    (folder / "text.pt2").write_text("not a network")
    return folder / "text.pt2"


def cut_off(folder: Path) -> Path:
    whole = script(seeded_network(), folder / "whole.pt").read_bytes()
    (folder / "half.pt").write_bytes(whole[: len(whole) // 2])
    return folder / "half.pt"


def rename(folder: Path) -> Path:
    return script(seeded_network(), folder / "script.pt2")


def other_ending(folder: Path) -> Path:
    (folder / "network.onnx").write_text("")
    return folder / "network.onnx"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (save_state, ModelDescriptionError, "weights without a network"),
        (write_text, DamagedWeightsError, "damaged or cut off"),
        (cut_off, DamagedWeightsError, "damaged or cut off"),
        (rename, ModelDescriptionError, "torch.export.save"),
        (other_ending, ModelDescriptionError, r"must end in \.pt"),
        (lambda folder: folder / "absent.pt", MissingWeightsError, "not there"),
    ],
)
def test_a_file_that_is_no_network_is_refused(
    tmp_path: Path, make: Any, error: type[ExplainerError], text: str
) -> None:
    path = write(tmp_path, {"file": make(tmp_path).name, **CLASSIFIER})
    with pytest.raises(error, match=text):
        explainer.load_classifier(path)


def test_weights_of_a_description_are_checked_like_others(tmp_path: Path) -> None:
    file = script(seeded_network(), tmp_path / "classifier.pt")
    path = write(tmp_path, {"file": file.name, **CLASSIFIER})
    explainer.load_classifier(path)
    script(seeded_network(Coder), file)
    with pytest.raises(ChangedWeightsError, match=r"recorded in classifier\.pt\.sha256"):
        explainer.load_classifier(path)
    pinned = write(tmp_path, {"file": file.name, "sha256": "0" * 64, **CLASSIFIER})
    with pytest.raises(ChangedWeightsError, match="instead of 0000"):
        explainer.load_classifier(pinned)


def test_an_export_for_one_batch_size_is_refused_with_how_to_export(tmp_path: Path) -> None:
    file = export(seeded_network(), tmp_path / "fixed.pt2", fixed=True)
    with pytest.raises(ModelDescriptionError, match=r"(?s)trial of one and of two.*dynamic_shapes"):
        explainer.load_classifier(write(tmp_path, {"file": file.name, **CLASSIFIER}))


@pytest.mark.parametrize("ending", [".pt", ".pt2"])
def test_a_network_exported_in_training_mode_is_refused(tmp_path: Path, ending: str) -> None:
    network, file = seeded_network().train(), tmp_path / f"training{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ending == ".pt":
            torch.jit.trace(network, images(), check_trace=False).save(str(file))
        else:
            export(network, file)
    with pytest.raises(ModelDescriptionError, match=r"training mode.*network\.eval\(\)"):
        explainer.load_classifier(write(tmp_path, {"file": file.name, **CLASSIFIER}))


def test_targets_that_the_network_does_not_have_are_refused(files: Path, tmp_path: Path) -> None:
    values = {"file": str(files / "classifier.pt2"), **CLASSIFIER, "targets": ["Effusion", "Mass", "Edema"]}
    with pytest.raises(ModelDescriptionError, match=r"\(2, 2\) and not \(2, 3\), for 3 targets"):
        explainer.load_classifier(write(tmp_path, values))


def test_another_size_than_the_network_takes_is_refused(files: Path, tmp_path: Path) -> None:
    for file in ("classifier.pt", "classifier.pt2"):
        values = {"file": str(files / file), **CLASSIFIER, "input_size": 10}
        with pytest.raises(ModelDescriptionError, match=r"cannot take \(2, 1, 10, 10\)"):
            explainer.load_classifier(write(tmp_path, values))


def test_a_graph_without_a_gradient_is_refused_when_it_is_to_be_explained(tmp_path: Path) -> None:
    class Detached(Network):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.detach())

    file = export(seeded_network(Detached), tmp_path / "detached.pt2")
    classifier = explainer.load_classifier(write(tmp_path, {"file": file.name, **CLASSIFIER}))
    with pytest.raises(NoGradientError):
        input_gradient(classifier, images(1), FIRST)


def test_code_is_run_only_of_modules_that_are_allowed(
    tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = write(tmp_path, {"callable": f"{module}:network", **CLASSIFIER})
    for allowed in ("", "another", module[:-1]):
        monkeypatch.setenv("EXPLAINER_ALLOW_CODE", allowed)
        for identifier in (f"{module}:classifier", described):
            with pytest.raises(CodeNotAllowedError, match=f"EXPLAINER_ALLOW_CODE={module}"):
                explainer.load_classifier(identifier)
    assert module not in sys.modules
    monkeypatch.setenv("EXPLAINER_ALLOW_CODE", f"another, {module}")
    expected = torch.sigmoid(Linear(seeded(2, 64) / 5000)(images()))
    for identifier in (f"{module}:classifier", described):
        classifier = explainer.load_classifier(identifier)
        torch.testing.assert_close(classifier(images()), expected)
        assert len(classifier.weights_sha256) == 64
    autoencoder = explainer.load_autoencoder(f"{module}:autoencoder@16")
    assert (autoencoder.id, autoencoder.input_size) == ("mine@16", 16)


@pytest.mark.parametrize(
    ("function", "text"),
    [("autoencoder", "not an explainer.Classifier"), ("broken", "failed with KeyError"), ("absent", "AttributeError")],
)
def test_a_function_that_makes_no_classifier_is_said(
    module: str, monkeypatch: pytest.MonkeyPatch, function: str, text: str
) -> None:
    monkeypatch.setenv("EXPLAINER_ALLOW_CODE", "1")
    with pytest.raises(ModelDescriptionError, match=text):
        explainer.load_classifier(f"{module}:{function}")


def test_the_examples_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    description = next(
        block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "our-network.pt2" in block
    )
    (tmp_path / "our-network.toml").write_text(description, encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)  # noqa: S102  # our own documentation
    assert names["classifier"].id == "our-network"
    x = torch.zeros(1, 1, 224, 224)
    expected = explainer.Classifier(
        names["network"],
        identifier="x",
        targets=["a", "b"],
        operating_points=[0.31, 0.12],
    )(x)
    torch.testing.assert_close(names["classifier"](x), expected)


def test_the_documentation_names_every_identifier() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    every = (*identifiers("classifier"), *identifiers("autoencoder"), *NO_CLASSIFIERS)
    assert [identifier for identifier in every if f"`{identifier}`" not in text] == []
