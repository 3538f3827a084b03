"""Every model that TorchXRayVision offers gives what that package's own code gives, with seeded random weights."""

from __future__ import annotations

import inspect
import io
import json
import pickle
import zipfile
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explainer import load_autoencoder, load_classifier
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.catalogue.models import identifiers, released
from explainer.catalogue.models.released import NO_CLASSIFIERS
from explainer.errors import (
    DamagedWeightsError,
    InputError,
    UnfitWeightsError,
    UnknownModelError,
    WeightsError,
)
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.latent_shift import latent_shift
from explainer.sources.xrv.classifiers import PACKAGE_NAMES, build_jfhealthcare
from explainer.sources.xrv.layers import Mean
from explainer.sources.xrv.package import quiet_import
from tests.explainer.models import classifier_of, seeded

BASELINES = "torchxrayvision.baseline_models"
PACKAGE_CLASSIFIERS = released.RELEASED.identifiers("classifier")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(tmp_path))
    return tmp_path


def file_of(identifier: str) -> str:
    return released.MODELS[identifier].weights


def made(build: Any, seed: int = 0) -> Any:
    """A network with random weights whose outputs differ from image to image."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build()
    return network.eval()


def theirs(module: str, name: str, network: nn.Module, **attributes: Any) -> Any:
    """An instance of TorchXRayVision's class around `network`, made without its constructor, which would download."""
    model = getattr(quiet_import(module), name)
    instance = model.__new__(model)
    nn.Module.__init__(instance)
    instance.model = network
    for key, value in attributes.items():
        setattr(instance, key, value)
    return instance.eval()


def imagenet() -> Any:
    transforms = quiet_import("torchvision.transforms")
    return transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def images(size: int, count: int = 1) -> Tensor:
    return seeded(count, 1, size, size) * 400


@torch.no_grad()
def result(model: Any, x: Tensor) -> Any:
    return model(x)


def test_the_files_are_those_of_torchxrayvisions_own_tables() -> None:
    models, autoencoders = (quiet_import(f"torchxrayvision.{name}") for name in ("models", "autoencoders"))
    vqgans = quiet_import(f"{BASELINES}.ieee8023").model_urls
    addresses = {identifier: [models.model_urls[name]["weights_url"]] for identifier, name in PACKAGE_NAMES.items()}
    addresses["xrv-resnet101-elastic"] = [autoencoders.model_urls["101-elastic"]["weights_url"]]
    for name, described in vqgans.items():
        addresses[f"xrv-{name.removeprefix('cxr2-')}"] = [described["weights_url"], described["config_url"]]
    sources = {
        "jfhealthcare": "jfhealthcare",
        "emory-race": "emory_hiti",
        "mira-sex": "mira",
        "xinario-view": "xinario",
    }
    for identifier, module in sources.items():
        address = f"{released.DOWNLOADS}/{file_of(identifier)}"
        assert address in inspect.getsource(quiet_import(f"{BASELINES}.{module}"))
        addresses[identifier] = [address]
    assert released.CHEXPERT_SOURCE in inspect.getsource(quiet_import(f"{BASELINES}.chexpert"))
    ours = {
        id_: [f"{released.DOWNLOADS}/{file.name}" for file in model.files] for id_, model in released.MODELS.items()
    }
    assert addresses == {identifier: urls for identifier, urls in ours.items() if identifier != "chexpert"}


def test_every_model_of_torchxrayvision_is_a_classifier_or_refused_with_the_reason() -> None:
    offered = {name for name in quiet_import("torchxrayvision.models").model_urls if "-" in name}
    assert set(PACKAGE_NAMES.values()) == offered
    baselines = {
        "jfhealthcare": "jfhealthcare",
        "chexpert": "chexpert",
        "emory_hiti": "emory-race",
        "mira": "mira-sex",
        "xinario": "xinario-view",
        "riken": "riken-age",
        "chestx_det": "chestx-det",
        "chestx_anatomy": "chestx-anatomy",
        "ieee8023": "xrv-vqgan-768-sd",
    }
    package = quiet_import(BASELINES)
    assert {name for name in vars(package) if inspect.ismodule(vars(package)[name])} == set(baselines)
    for identifier in baselines.values():
        kinds = [identifiers("classifier"), NO_CLASSIFIERS, identifiers("autoencoder")]
        assert sum(identifier in kind for kind in kinds) == 1
    with pytest.raises(UnknownModelError, match="age in years"):
        load_classifier("riken-age")


@pytest.mark.parametrize(
    "identifier", [id_ for id_ in released.RELEASED.identifiers("classifier") if id_ != "chexpert"]
)
def test_weights_that_are_absent_are_named_with_the_command_that_gets_them(folder: Path, identifier: str) -> None:
    with pytest.raises(WeightsError, match=f"weights fetch {identifier}"):
        load_classifier(identifier)


def test_the_resnet_of_512_pixels_scores_as_torchxrayvision_does(folder: Path) -> None:
    resnet = quiet_import("torchvision.models").resnet50
    models = quiet_import("torchxrayvision.models")

    def build() -> Any:
        network = resnet(num_classes=18, weights=None)
        network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        return network

    network = made(build)
    torch.save(network.state_dict(), folder / file_of("xrv-resnet50-res512-all"))
    described = models.model_urls["resnet50-res512-all"]
    original = theirs(
        "torchxrayvision.models",
        "ResNet",
        network,
        op_threshs=torch.tensor(described["op_threshs"]),
        input_resolution=512,
    )
    classifier = load_classifier("xrv-resnet50-res512-all")
    assert classifier.input_size == 512
    assert len(classifier.targets) == 16
    columns = [described["labels"].index(target) for target in classifier.targets]
    x = images(512)
    torch.testing.assert_close(result(classifier, x), result(original, x)[:, columns], rtol=1e-4, atol=1e-6)


def race() -> tuple[nn.Module, Any]:
    network = made(lambda: quiet_import("torchvision.models").resnet34(weights=None))
    network.fc = made(lambda: nn.Sequential(nn.Linear(512, 3), nn.LogSoftmax(dim=1)))
    return network, {f"module.{key}": value for key, value in network.state_dict().items()}


def test_emory_race_scores_as_torchxrayvision_does(folder: Path) -> None:
    network, state = race()
    torch.save(state, folder / file_of("emory-race"))
    classifier = load_classifier("emory-race")
    assert (classifier.targets, classifier.input_size) == (("Asian", "Black", "White"), 320)
    x = images(320)
    expected = result(theirs(f"{BASELINES}.emory_hiti", "RaceModel", network, norm=imagenet()), x).exp()
    torch.testing.assert_close(result(classifier, x), expected, rtol=1e-4, atol=1e-6)
    assert expected.sum() == pytest.approx(1)


class _Callback:
    """Something of the training that a Lightning checkpoint carries, whose code must not be run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code of the weights file was run')",)


def test_mira_sex_scores_as_torchxrayvision_does_and_runs_no_code_of_its_checkpoint(folder: Path) -> None:
    network = made(lambda: quiet_import("torchvision.models").resnet34(weights=None, num_classes=2))
    checkpoint = {
        "state_dict": {f"model.{key}": value for key, value in network.state_dict().items()},
        "callbacks": {"checkpoint": _Callback()},
        "epoch": 13,
    }
    torch.save(checkpoint, folder / file_of("mira-sex"))
    classifier = load_classifier("mira-sex")
    assert (classifier.targets, classifier.input_size) == (("Male", "Female"), 224)
    x = images(224)
    expected = result(theirs(f"{BASELINES}.mira", "SexModel", network), x).softmax(dim=1)
    torch.testing.assert_close(result(classifier, x), expected, rtol=1e-4, atol=1e-6)


def test_xinario_view_scores_as_torchxrayvision_does(folder: Path) -> None:
    network = made(lambda: quiet_import("torchvision.models").resnet50(weights=None))
    torch.save(network.state_dict(), folder / file_of("xinario-view"))
    classifier = load_classifier("xinario-view")
    assert (classifier.targets, classifier.input_size) == (("Frontal", "Lateral"), 224)
    x = images(224)
    original = theirs(f"{BASELINES}.xinario", "ViewModel", network, norm=imagenet())
    torch.testing.assert_close(result(classifier, x), result(original, x).softmax(dim=1), rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def chexpert_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first network of each of the three groups, as Stanford's archive has them."""
    package = quiet_import(f"{BASELINES}.chexpert")
    tasks = {
        "uncertainty_ones": {"Atelectasis": 0, "Edema": 1, "Cardiomegaly": 2},
        "3-class": {"Pleural Effusion": 0, "Cardiomegaly": 1},
        "self-train": {"Consolidation": 1, "Edema": 0},
    }
    path = tmp_path_factory.mktemp("chexpert") / file_of("chexpert")
    described = json.loads(Path(inspect.getfile(package)).with_name("predict_configs.json").read_text())["task2models"]
    firsts = {models[0]["ckpt_path"]: models[0]["is_3class"] for models in described.values()}
    with zipfile.ZipFile(path, "w") as archive:
        for seed, (name, three) in enumerate(firsts.items()):
            sequence = next(sequence for key, sequence in tasks.items() if key in name)
            model = made(partial(package.model.DenseNet121, sequence, three, use_gpu=False), seed)
            buffer = io.BytesIO()
            state = nn.DataParallel(model).state_dict()
            torch.save({"model_state": state, "task_sequence": sequence, "ckpt_info": {"auc": 0.9}}, buffer)
            archive.writestr(name, buffer.getvalue())
    return path


def test_the_chexpert_ensemble_scores_as_torchxrayvision_does(
    chexpert_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(chexpert_archive.parent))
    classifier = load_classifier("chexpert-1")
    original = quiet_import(f"{BASELINES}.chexpert").DenseNet(weights_zip=str(chexpert_archive), num_models=1)
    assert (classifier.targets, classifier.input_size) == (tuple(original.targets), 320)
    x = images(320, 2)
    expected = result(original, x)
    assert expected.std(dim=1).min() > 0.01
    torch.testing.assert_close(result(classifier, x), expected, rtol=1e-4, atol=1e-6)


def test_an_archive_without_all_of_the_ensemble_is_refused(
    chexpert_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLAINER_WEIGHTS", str(chexpert_archive.parent))
    with pytest.raises(DamagedWeightsError, match="not the archive that Stanford released"):
        load_classifier("chexpert")


def test_gradients_of_an_ensemble_are_those_of_its_mean() -> None:
    def member() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 1))

    members = [made(member, seed) for seed in range(3)]
    x = images(8, 2).requires_grad_()
    outputs = torch.stack([network(x) for network in members]).mean(dim=0)
    (expected,) = torch.autograd.grad(outputs.sum(), x)
    (found,) = torch.autograd.grad(Mean(members)(x).sum(), x)
    torch.testing.assert_close(found, expected)
    classifier = classifier_of(Mean(members), size=8)
    torch.testing.assert_close(
        guided_backprop(classifier, x.detach(), torch.zeros(2, dtype=torch.long)),
        guided_gradient(classifier, x.detach()),
    )


class _GuidedReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found: Tensor = gradients[0].clamp(min=0) * (x > 0)
        return found


def guided_gradient(function: Any, x: Tensor) -> Tensor:
    """Guided backpropagation without hooks: each ReLU, module or function, is one whose derivative is guided."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "relu", lambda x, **_: _GuidedReLU.apply(x))
        patch.setattr(nn.ReLU, "forward", lambda _, x: _GuidedReLU.apply(x))
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(leaf)[:, 0].sum(), leaf)
    return gradient.abs().sum(dim=1)


@pytest.mark.parametrize("depth", [18, 50])
def test_guided_backprop_is_right_for_resnets_that_use_one_relu_several_times(depth: int) -> None:
    resnet = getattr(quiet_import("torchvision.models"), f"resnet{depth}")
    network = made(lambda: nn.Sequential(nn.Conv2d(1, 3, 1), resnet(num_classes=2, weights=None)))
    # Outputs where the sigmoid is not flat.
    network[0].weight.data /= 400
    network[1].fc.weight.data /= 10
    classifier = classifier_of(network, targets=2, size=64)
    x = images(64, 2)
    assert bool(((classifier(x) > 0.001) & (classifier(x) < 0.999)).all())
    expected = guided_gradient(classifier, x)
    found = guided_backprop(classifier, x, torch.zeros(2, dtype=torch.long))
    assert expected.amax() > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=float(expected.amax()) * 1e-5)


def test_guided_backprop_is_right_for_jf_healthcare_whose_attention_is_used_for_every_target(folder: Path) -> None:
    package = quiet_import(f"{BASELINES}.jfhealthcare")
    torch.save(made(lambda: build_jfhealthcare(package)).state_dict(), folder / file_of("jfhealthcare"))
    classifier = load_classifier("jfhealthcare")
    x = images(224)
    expected = guided_gradient(classifier, x)
    found = guided_backprop(classifier, x, torch.tensor([0]))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=float(expected.amax()) * 1e-4)


def test_the_resnet_autoencoder_decodes_as_torchxrayvision_does(folder: Path) -> None:
    network = made(quiet_import("torchxrayvision.autoencoders").ResNetAE101)
    torch.save(network.state_dict(), folder / file_of("xrv-resnet101-elastic"))
    autoencoder = load_autoencoder("xrv-resnet101-elastic")
    assert autoencoder.input_size == 224
    x = images(224)
    expected = result(network, x)
    torch.testing.assert_close(result(autoencoder.encode, x), expected["z"], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(result(autoencoder, x), expected["out"], rtol=1e-4, atol=1e-3)


VQGAN = """\
model:
  base_learning_rate: 4.5e-06
  target: taming.models.vqgan.VQModel
  params:
    embed_dim: 8
    n_embed: 16
    ddconfig:
      double_z: false
      z_channels: 8
      resolution: 32
      in_channels: 3
      out_ch: 3
      ch: 32
      ch_mult:
      - 1
      - 2
      num_res_blocks: 1
      attn_resolutions:
      - 16
      dropout: 0.0
"""


@pytest.fixture
def vqgan(folder: Path) -> Any:
    """TorchXRayVision's VQGAN, small, with weights in the format of Lightning that the released ones have."""
    package = quiet_import(f"{BASELINES}.ieee8023")
    weights, settings = (folder / file.name for file in released.MODELS["xrv-vqgan-768-sd"].files)
    settings.write_text(VQGAN)
    parameters = vars(package)["_load_yaml"](settings)["model"]["params"]
    network = made(lambda: package.VQModel(**{key: parameters[key] for key in ("ddconfig", "n_embed", "embed_dim")}))
    # The codebook begins near zero; a trained one spreads over the latents.
    network.quantize.embedding.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    state = {**network.state_dict(), "loss.discriminator.main.0.weight": torch.zeros(3)}
    torch.save({"state_dict": state, "callbacks": {"image logger": _Stranger()}, "epoch": 3}, weights)
    return package.VQGAN(ckpt_path=str(weights), yaml_path=str(settings))


class _Stranger:
    """Something of a package that is not here."""


def test_a_vqgan_encodes_and_decodes_as_torchxrayvision_does_but_does_not_clip(folder: Path, vqgan: Any) -> None:
    autoencoder = load_autoencoder("xrv-vqgan-768-sd")
    assert autoencoder.input_size == 32
    x = images(32, 2)
    z = result(autoencoder.encode, x)
    torch.testing.assert_close(z, result(vqgan.encode, x), rtol=1e-4, atol=1e-4)
    decoded = result(autoencoder.decode, z * 5)
    assert decoded.abs().amax() > 1024
    torch.testing.assert_close(decoded.clip(-1024, 1024), result(vqgan.decode, z * 5), rtol=1e-4, atol=0.1)


def test_latent_shift_follows_a_vqgan_past_the_limits_of_the_image(folder: Path, vqgan: Any) -> None:
    class Brightness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(dim=(2, 3)) / 300

    autoencoder = load_autoencoder("xrv-vqgan-768-sd")
    x = torch.full((1, 1, 32, 32), 1024.0)
    x[..., 0, 0] = 1000
    settings = LatentShiftSettings(frames=5, drop=0.05, rise=0.01)
    found = latent_shift(classifier_of(Brightness(), size=32), autoencoder, x, torch.tensor([0]), settings)[0]
    assert max(found.predictions) - min(found.predictions) > 0.02


def test_a_vqgan_of_another_size_serves_a_classifier_with_the_size_in_its_identifier(folder: Path, vqgan: Any) -> None:
    autoencoder = load_autoencoder("xrv-vqgan-768-sd@20")
    assert (autoencoder.id, autoencoder.input_size) == ("xrv-vqgan-768-sd@20", 20)
    own = load_autoencoder("xrv-vqgan-768-sd")
    x = images(20)
    enlarged = nn.functional.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)
    torch.testing.assert_close(result(autoencoder.encode, x), result(own.encode, enlarged), rtol=1e-4, atol=1e-4)
    decoded = result(own, enlarged)
    expected = nn.functional.interpolate(decoded, size=(20, 20), mode="bilinear", antialias=True)
    torch.testing.assert_close(result(autoencoder, x), expected, rtol=1e-4, atol=0.1)
    assert autoencoder.weights_sha256 == own.weights_sha256


def test_the_error_of_two_sizes_names_the_way_out(folder: Path, vqgan: Any) -> None:
    classifier = classifier_of(nn.Sequential(nn.Flatten(), made(lambda: nn.Linear(400, 1))), size=20)
    target = torch.tensor([0])
    with pytest.raises(InputError, match="add @20 to the autoencoder's identifier"):
        latent_shift(classifier, load_autoencoder("xrv-vqgan-768-sd"), images(20), target)
    settings = LatentShiftSettings(frames=3, drop=0.01, rise=0.01)
    assert latent_shift(classifier, load_autoencoder("xrv-vqgan-768-sd@20"), images(20), target, settings)


@pytest.mark.parametrize("text", ["", "model:\n", "model:\n  params:\n    embed_dim: 8\n", "<html>not here</html>"])
def test_settings_of_a_vqgan_that_are_none_are_refused(folder: Path, vqgan: Any, text: str) -> None:
    (folder / released.MODELS["xrv-vqgan-768-sd"].files[1].name).write_text(text)
    with pytest.raises(DamagedWeightsError, match="delete it and get it again"):
        load_autoencoder("xrv-vqgan-768-sd")


SMALL = "xrv-resnet101-elastic"


@pytest.mark.parametrize("identifier", ["xrv-mimic_ch", "mira-sex", SMALL, "xinario-view"])
@pytest.mark.parametrize("content", ["nothing", "text", "half", "pickle"])
def test_a_file_that_cannot_be_read_is_called_damaged(folder: Path, identifier: str, content: str) -> None:
    saved = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.zeros(5000)}}, saved)
    (folder / file_of(identifier)).write_bytes(
        {
            "nothing": b"",
            "text": b"<html>Not found</html>",
            "half": saved.getvalue()[: len(saved.getvalue()) // 2],
            "pickle": pickle.dumps({"weight": 1})[:9],
        }[content]
    )
    with pytest.raises(WeightsError, match="damaged") as found:
        (load_autoencoder if identifier in identifiers("autoencoder") else load_classifier)(identifier)
    assert not isinstance(found.value, UnfitWeightsError)


@pytest.mark.parametrize("identifier", ["xrv-mimic_ch", "mira-sex", SMALL, "xrv-resnet50-res512-all", "jfhealthcare"])
def test_weights_of_another_model_are_called_so(folder: Path, identifier: str) -> None:
    torch.save({"state_dict": OrderedDict(weight=torch.zeros(5))}, folder / file_of(identifier))
    with pytest.raises(UnfitWeightsError, match=r"another model|not the network"):
        (load_autoencoder if identifier in identifiers("autoencoder") else load_classifier)(identifier)
