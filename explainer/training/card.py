"""The model card of a pair, written from what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from explainer.training.evaluate import PairResult

_RANGE = 2048


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _results(result: PairResult) -> str:
    discrimination = _table(
        (
            "target",
            "positive / negative",
            "AUC (95% interval)",
            "AUC, reconstructions",
            "sensitivity",
            "specificity",
            "TP",
            "FP",
        ),
        [
            (
                target.target,
                f"{target.positives} / {target.negatives}",
                f"{target.auc:.3f} ({target.auc_low:.3f} to {target.auc_high:.3f})",
                f"{target.auc_reconstructed:.3f}",
                f"{target.sensitivity:.2f}",
                f"{target.specificity:.2f}",
                str(target.true_positives),
                str(target.false_positives),
            )
            for target in result.targets
        ],
    )
    impact = _table(
        ("target", "label", "f(x)", "f(D(E(x)))", "loss"),
        [
            (target.target, label, f"{image:.3f}", f"{rebuilt:.3f}", f"{image - rebuilt:+.3f}")
            for target in result.targets
            for label, image, rebuilt in (
                ("positive", target.score_positive, target.score_positive_reconstructed),
                ("negative", target.score_negative, target.score_negative_reconstructed),
            )
        ],
    )
    shift = _table(
        (
            "target",
            "true positives searched",
            f"drop of {result.drop:.2f} reached",
            f"ended {result.drop:.2f} below the image's score",
        ),
        [
            (target.target, str(target.drop_cases), str(target.drop_reached), str(target.drop_reached_from_image))
            for target in result.targets
        ],
    )
    from_image = sum(target.drop_reached_from_image for target in result.targets) / max(result.drop_cases, 1)
    return f"""## Results on the test part ({result.images} images, {result.patients} patients)

Calibrated scores; a score above 0.5 counts as positive. Intervals: percentile bootstrap over patients, 2000 resamples.

{discrimination}

**Reconstruction error:** mean absolute error {result.error:.1f} on the [-1024, 1024] scale,
{result.error / _RANGE:.2%} of the range.

**Score lost under reconstruction** (Appendix K of the paper, which found 0.12 and 0.04): mean
{result.loss_positive:+.3f} where the label is positive, {result.loss_negative:+.3f} where it is negative.

{impact}

**Latent Shift** lowered the score of the reconstruction by {result.drop:.2f} in **{result.drop_share:.1%}** of
{result.drop_cases} true positives, and ended {result.drop:.2f} below the image's own score in {from_image:.1%}.
Searched: all true positives of a target, or a random sample where there are more than the table shows.

{shift}
"""


def _use(*, synthetic: bool) -> str:
    if synthetic:
        return """## Intended use

Demonstration and tests of the reader study software, and experiments that need known findings, masks and a planted
shortcut. The images are drawn by a program; nothing here says anything about real patients.

## Limits

- Not for clinical use, and not for real X-rays: scores of real images are meaningless.
- A chest tube goes with most pneumothoraces in these images (a shortcut planted on purpose), so the score for
  Pneumothorax may follow the tube.
- Masks are exact by construction; real annotations are not.
"""
    return """## Intended use

Research on explanations with the reader study software where released weights of larger models cannot be had. The
classifier is small on purpose; it makes the mistakes that a study of false positives needs.

## Limits

- Not for clinical use.
- Trained on a few hundred images of one source, whose labels were mined from reports by a program; every image that
  carries another label here also carries Pneumonia, so the targets are strongly correlated and the negatives of
  Infiltration, Atelectasis, Edema and Effusion contain other abnormal chests.
- Portable (AP) and standing (PA) films differ between the labels; the scores may follow the way of acquisition.
- Operating points come from few validation patients; expect other sensitivity and specificity elsewhere.
"""


def _made(training: Mapping[str, Any]) -> str:
    """When the best weights were found, in the last stage of the training."""
    if not training.get("history"):
        return ""
    last = training["history"][-1]
    minutes, device = last["seconds"] / 60, training["options"]["device"]
    return f" (best weights of the last stage: epoch {last['epoch'] + 1}, after {minutes:.0f} min on {device})"


def _mixed(training: Mapping[str, Any]) -> str:
    """Whether the classifier has seen reconstructions."""
    if not training.get("reconstructions"):
        return "It was trained on images only, not on\n  reconstructions."
    options = training["options"]
    noise = (
        f",\n  made from latents with noise of up to {options['latent_noise']:.0%} of their standard deviation"
        if options.get("latent_noise")
        else ""
    )
    return (
        f"In its last stage,\n  after the autoencoder was trained, {options['reconstructed']:.0%} of the images were "
        f"replaced by their reconstructions{noise}: the score is then\n  smooth where Latent Shift walks."
    )


def model_card(
    metadata: Mapping[str, Any],
    result: PairResult,
    *,
    split: str,
    terms: str,
    notes: Sequence[str],
    sizes: Mapping[str, tuple[int, int]],
    commands: Sequence[str],
    histories: tuple[Mapping[str, Any], Mapping[str, Any]],
    bytes_on_disk: int,
    parameters: tuple[int, int],
) -> str:
    """Markdown of the card.

    `terms` are those under which the images may be used, `sizes` are (images, patients) of each part, `histories` are
    those of classifier and autoencoder.
    """
    made = [_made(history) for history in histories]
    size = metadata["input_size"]
    mixed = _mixed(histories[0])
    parts = _table(
        ("part", "images", "patients"), [(part, str(images), str(people)) for part, (images, people) in sizes.items()]
    )
    shell = "\n".join(commands)
    points = ", ".join(
        f"{target} {point:.3f}"
        for target, point in zip(
            metadata["classifier"]["targets"], metadata["classifier"]["operating_points"], strict=True
        )
    )
    return f"""# {metadata["id"]}

A small multi-label classifier and a residual autoencoder, made for each other, for frontal chest X-rays of
{size} x {size} pixels. This card was written by the command that measured the pair.

- **Data:** {metadata["dataset"]}
- **Terms:** the weights are under the Apache License 2.0, as the software is. {terms}
- **Split:** {split}
- **Classifier:** DenseNet, {parameters[0]:,} parameters{made[0]}.
  Images were randomly moved and exposed, and most of them sampled down and up again with noise, so that the score does
  not rest on texture that no autoencoder carries. {mixed}
- **Calibration:** the operating point of each target is mapped to 0.5: the optimum of Youden's J on the validation
  part for normal logits of equal variance, which is the middle between the mean logits with and without the target.
  Probabilities there: {points}.
- **Autoencoder:** convolutional residual network, {parameters[1]:,} parameters, elastic loss (L1 + L2){made[1]}.
- **Size:** {bytes_on_disk / 1e6:.1f} MB together.

{parts}

The patients and files of the training and validation parts are listed in `pair.json`; they must never be study cases.
The test part was used for nothing but the numbers below.

{_results(result)}
{_use(synthetic=bool(metadata["synthetic"]))}{"".join(f"- {note}{chr(10)}" for note in notes)}
## How it was made

```
{shell}
```
"""
