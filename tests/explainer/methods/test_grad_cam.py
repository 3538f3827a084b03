"""Grad-CAM against captum and against sums made by hand, on networks whose ReLUs are modules and functions."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from explainer.catalogue.methods.grad_cam import GradCamSettings
from explainer.classifiers import Classifier
from explainer.errors import NoGradientError, SettingsError, UnfitNetworkError
from explainer.methods.grad_cam import grad_cam
from explainer.networks import SmallDenseNet
from explainer.sources import load_classifier
from explainer.sources.xrv.layers import Mean
from explainer.sources.xrv.package import quiet_import
from tests.explainer.models import CLASSIFIER, SIZE, Linear, WithModule, classifier_of, seeded

FIRST = torch.tensor([0])
#: The paper's map, which is what captum has.
POSITIVE = GradCamSettings(evidence="positive")


class Weighed(nn.Module):
    """Logit = b . mean(relu(a x)) over the image, for channels a: features and gradients can be written down."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, kernel_size=1, bias=False)
        self.stem.weight.data = torch.tensor([0.01, -0.02]).reshape(2, 1, 1, 1)
        self.register_buffer("b", torch.tensor([1.0, -0.25]) * scale)

    def forward(self, x: Tensor) -> Tensor:
        return (relu(self.stem(x)).mean(dim=(2, 3)) @ self.get_buffer("b"))[:, None]


def built(make: type[nn.Module], **options: Any) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(**options)


def first_layer(channels: int) -> nn.Module:
    """As torchvision has it, for pictures of one channel."""
    options = {"kernel_size": 7, "stride": 2, "padding": 3, "bias": False}
    return built(nn.Conv2d, in_channels=1, out_channels=channels, **options)


def settled(network: nn.Module, size: int) -> nn.Module:
    """With statistics of normalisation from some images, and a head that does not saturate."""
    network.train()
    with torch.no_grad():
        network(seeded(4, 1, size, size, seed=9) * 300)
    return network.eval()


def captums(classifier: Classifier, layer: nn.Module, x: Tensor, column: int) -> Tensor:
    """Captum's map of a layer, resampled to the image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = LayerGradCam(classifier, layer).attribute(x, target=column, relu_attributions=True)
    return interpolate(coarse, size=x.shape[2:], mode="bilinear", align_corners=False).detach()[:, 0]


def positive_column(classifier: Classifier, layer: nn.Module, x: Tensor) -> int:
    """A target that something speaks for in each image."""
    columns = range(len(classifier.targets))
    return next(one for one in columns if captums(classifier, layer, x, one).flatten(1).any(dim=1).all())


def test_a_map_is_the_sum_of_features_weighted_by_their_mean_gradients() -> None:
    network, x = Weighed(), seeded(1, 1, SIZE, SIZE, seed=3) * 300
    features = relu(torch.tensor([0.01, -0.02]).reshape(2, 1, 1) * x[0, 0])
    logit = (features.mean(dim=(1, 2)) * torch.tensor([1.0, -0.25])).sum()
    slope = torch.sigmoid(logit) * (1 - torch.sigmoid(logit)) / SIZE**2
    summed = slope * (features[0] - 0.25 * features[1])
    positive = grad_cam(classifier_of(network), x, FIRST, POSITIVE)
    torch.testing.assert_close(positive[0], summed.clamp(min=0), rtol=1e-4, atol=1e-9)
    both = grad_cam(classifier_of(network), x, FIRST)
    torch.testing.assert_close(both[0], summed.abs(), rtol=1e-4, atol=1e-9)


def test_where_nothing_speaks_for_the_prediction_that_is_said_with_the_remedy() -> None:
    network, x = Weighed(), seeded(2, 1, SIZE, SIZE, seed=3).abs() * 300
    network.get_buffer("b").copy_(torch.tensor([-1.0, -1.0]))
    with pytest.raises(NoGradientError, match="nothing that speaks for the prediction: set evidence to both"):
        grad_cam(classifier_of(network), x, FIRST.repeat(2), POSITIVE)


def test_the_small_densenet_has_captums_map_of_its_features() -> None:
    network = built(SmallDenseNet, n_targets=2, **CLASSIFIER)
    classifier, x = classifier_of(network, targets=2, size=32), seeded(3, 1, 32, 32) * 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coarse = LayerGradCam(classifier, network.features).attribute(x, target=1)
    expected = interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False).abs()[:, 0].detach()
    found = grad_cam(classifier, x, torch.tensor([1, 1, 1]))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6 * float(expected.max()))
    named = grad_cam(classifier, x, torch.tensor([1, 1, 1]), GradCamSettings("features"))
    torch.testing.assert_close(named, expected, rtol=1e-4, atol=1e-6 * float(expected.max()))


@pytest.mark.parametrize("pair", ["nih-small", "phantom-small"])
def test_the_shipped_classifiers_have_captums_map_of_their_features(pair: str) -> None:
    classifier = load_classifier(pair)
    size = classifier.input_size
    x, layer = seeded(1, 1, size, size) * 300, classifier.network.get_submodule("features")
    column = positive_column(classifier, layer, x)
    expected = captums(classifier, layer, x, column)
    found = grad_cam(classifier, x, torch.tensor([column]), POSITIVE)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5 * float(expected.max()))


def torchvisions() -> nn.Module:
    models = quiet_import("torchvision.models")
    network = built(models.DenseNet, growth_rate=4, block_config=(1, 1), num_init_features=8, num_classes=3)
    features: Any = network.features
    features.conv0 = first_layer(8)
    return network


def torchxrayvisions() -> nn.Module:
    network = built(
        quiet_import("torchxrayvision.models").DenseNet,
        growth_rate=4,
        block_config=(1, 1),
        num_init_features=8,
        num_classes=3,
        apply_sigmoid=False,
    )
    network.op_threshs = None  # type: ignore[assignment]
    return network


@pytest.mark.parametrize("make", [torchvisions, torchxrayvisions])
def test_a_relu_that_is_called_as_a_function_is_looked_behind(make: type[nn.Module]) -> None:
    x = seeded(2, 1, 64, 64) * 300
    plain = settled(make(), 64)
    classifier, with_module = (classifier_of(one, targets=3, size=64) for one in (plain, WithModule(plain)))
    layer = with_module.network.get_submodule("features")
    column = positive_column(with_module, layer, x)
    expected = captums(with_module, layer, x, column)
    found = grad_cam(classifier, x, torch.tensor([column] * 2), POSITIVE)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5 * float(expected.max()))


def resnet() -> nn.Module:
    """As TorchXRayVision builds its ResNets: torchvision's, for one channel."""
    models = quiet_import("torchvision.models")
    network = built(models.ResNet, block=models.resnet.Bottleneck, layers=[1, 1, 1, 1], num_classes=3)
    network.conv1 = first_layer(64)
    return settled(network, 64)


def test_a_resnet_is_looked_at_before_its_pooling() -> None:
    classifier, x = classifier_of(resnet(), targets=3, size=64), seeded(2, 1, 64, 64) * 300
    layer = classifier.network.get_submodule("layer4")
    column = positive_column(classifier, layer, x)
    expected = captums(classifier, layer, x, column)
    found = grad_cam(classifier, x, torch.tensor([column] * 2), POSITIVE)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5 * float(expected.max()))


class Branched(Weighed):
    """A head of its own for each target, with features of its own: what all of them read is what is shown."""

    def forward(self, x: Tensor) -> Tensor:
        features = relu(self.stem(x))
        heads = [(features * weight)[:, index : index + 1] for index, weight in enumerate((1.0, 2.0))]
        return torch.cat([head.mean(dim=(2, 3)) for head in heads], dim=1)


def test_features_that_only_one_target_reads_are_passed_over() -> None:
    network, x = Branched(), seeded(1, 1, SIZE, SIZE, seed=3) * 300
    features = relu(torch.tensor([0.01, -0.02]).reshape(2, 1, 1) * x[0, 0])
    for column, weight in enumerate((1.0, 2.0)):
        found = grad_cam(classifier_of(network, targets=2), x, torch.tensor([column]))[0]
        expected = weight * features[column]
        torch.testing.assert_close(found / found.max(), expected / expected.max(), rtol=1e-4, atol=1e-6)


def test_the_feature_maps_of_an_ensembles_members_are_added_up() -> None:
    x = seeded(2, 1, SIZE, SIZE, seed=3) * 300
    first, second = Weighed(0.5), Weighed(-1.5)
    both = Mean([first, second])
    # The second member's features are those of the first, weighed by three times as much and against the prediction.
    features = relu(torch.tensor([0.01, -0.02]).reshape(1, 2, 1, 1) * x)
    expected = (0.5 - 1.5) / 2 * (features[:, 0] - 0.25 * features[:, 1])
    found = grad_cam(classifier_of(both), x, FIRST.repeat(2))
    for index in range(2):
        wanted = expected[index].abs()
        torch.testing.assert_close(found[index] / found[index].max(), wanted / wanted.max(), rtol=1e-4, atol=1e-6)


class BesideItsFeatures(Weighed):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.mean(dim=(2, 3)) / 1000


def test_a_network_that_also_goes_around_its_feature_maps_is_refused() -> None:
    with pytest.raises(UnfitNetworkError, match="no convolution whose feature maps all of its prediction goes through"):
        grad_cam(classifier_of(BesideItsFeatures()), seeded(1, 1, SIZE, SIZE, seed=3) * 300, FIRST)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_give_a_float32_map_near_that_of_single(dtype: torch.dtype) -> None:
    x = seeded(1, 1, SIZE, SIZE, seed=3) * 300
    expected = grad_cam(classifier_of(Weighed()), x, FIRST)
    found = grad_cam(classifier_of(Weighed()).to(dtype), x.to(dtype), FIRST)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05 * float(expected.max()))


def test_networks_without_feature_maps_of_a_convolution_are_refused_with_the_remedy() -> None:
    x = seeded(1, 1, SIZE, SIZE, seed=3) * 300
    with pytest.raises(UnfitNetworkError, match=r"tiny has no convolution .* name a layer"):
        grad_cam(classifier_of(Linear(seeded(1, SIZE * SIZE) / 3000)), x, FIRST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates TorchScript; people still have it
        traced = torch.jit.trace(Weighed().eval(), x)
    with pytest.raises(UnfitNetworkError, match=r"\(it is compiled or scripted\)"):
        grad_cam(classifier_of(traced), x, FIRST)


def test_a_layer_that_is_not_there_or_makes_no_feature_maps_is_said() -> None:
    network = built(SmallDenseNet, n_targets=2, **CLASSIFIER)
    classifier, x = classifier_of(network, targets=2, size=32), seeded(1, 1, 32, 32) * 300
    with pytest.raises(SettingsError, match=r"no layer 'feature'; it has, for example, features"):
        grad_cam(classifier, x, FIRST, GradCamSettings(layer="feature"))
    with pytest.raises(UnfitNetworkError, match="'head' of tiny makes no feature maps"):
        grad_cam(classifier, x, FIRST, GradCamSettings(layer="head"))
    assert not any(module._forward_hooks for module in classifier.modules())
    with pytest.raises(SettingsError, match="choose one of both, positive"):
        GradCamSettings(evidence="negative")  # type: ignore[arg-type]
