"""
Denoising digits
================

With `noise`, the rows are corrupted while training and the clean ones are what is to be
reconstructed: a denoising autoencoder. Here the noise is Gaussian, half as strong as
the whole range of the pixels. PCA denoises too, by dropping the components beyond the
first few, and ridge regression from noisy to clean pixels does so without any code.
"""

# %%
# Handwritten digits, as rows of pixels between 0 and 1, from the folder that the
# environment variable `DATA` names or from OpenML; else scikit-learn's digits, which
# are fewer and smaller, and then the figures are others. The noise goes to the test
# images once, and is cut off at 0 and 1 as a camera would.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from images import load_images
from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay

images, test_images = load_images("mnist", n_train=3000, n_test=1000)
image_shape = images.shape[1:]
X = images.reshape(len(images), -1).astype(np.float32) / 255
X_test = test_images.reshape(len(test_images), -1).astype(np.float32) / 255
rng = np.random.default_rng(0)


def add_noise(rows):
    """Return rows with Gaussian noise, cut off at 0 and 1."""
    noise = rng.normal(0, 0.5, rows.shape).astype(rows.dtype)
    return np.clip(rows + noise, 0, 1)


def psnr(rows):
    """Return the mean peak signal-to-noise ratio against the test images, in dB."""
    errors = np.mean((np.clip(rows, 0, 1) - X_test) ** 2, axis=1)
    return np.mean(-10 * np.log10(errors))


def denoise(model):
    """Encode and decode the noisy test images."""
    return model.inverse_transform(model.transform(X_noisy))


X_noisy = add_noise(X_test)
print(f"{'noisy':24} {psnr(X_noisy):5.2f} dB")

# %%
# Two autoencoders with 32 codes, fitted to clean rows, as `noise` adds the noise afresh
# in each step. The first is the classic one: random weights, and codes that are never
# negative. The second is a correction of PCA, which it improves on as a denoiser. With
# `output_activation="logistic"` the noise is cut off while training too.
classic = AutoencoderTransformer(
    32,
    hidden_layer_sizes=(128, 64),
    init="random",
    code_activation="relu",
    output_activation="logistic",
    noise=0.5,
    batch_size=64,
    random_state=0,
).fit(X)
from_pca = AutoencoderTransformer(
    32,
    hidden_layer_sizes=(128, 64),
    output_activation="logistic",
    noise=0.5,
    random_state=0,
).fit(X)
print(f"{'classic, 32 codes':24} {psnr(denoise(classic)):5.2f} dB")
print(f"{'from PCA, 32 codes':24} {psnr(denoise(from_pca)):5.2f} dB")

# %%
# PCA of the clean rows, with 32 components and with the number that is best on these
# very test images, which flatters it a little; and ridge regression, for which the
# training rows get noise once.
sizes = [size for size in (4, 8, 16, 24, 32, 48, 64, 96) if size <= X.shape[1]]
ratios = {size: psnr(denoise(PCA(size).fit(X))) for size in sizes}
best = max(ratios, key=ratios.get)
ridge = Ridge(alpha=100).fit(add_noise(X), X)
print(f"{'PCA, 32 codes':24} {ratios[32]:5.2f} dB")
print(f"{f'best PCA, {best} codes':24} {ratios[best]:5.2f} dB")
print(f"{'ridge, no code':24} {psnr(ridge.predict(X_noisy)):5.2f} dB")

# %%
# Both autoencoders are ahead of PCA with any number of components. PCA is not to know
# that noise cut off at 0 brightens the black of the paper; ridge regression is, and is
# the one to compare with: the classic network need not be better than that.
plt.figure(figsize=(6.4, 3.6), layout="constrained")
plt.plot(sizes, list(ratios.values()), "s--", color="tab:orange", label="PCA")
plt.plot(32, psnr(denoise(from_pca)), "o", markersize=8, label="autoencoder from PCA")
plt.plot(32, psnr(denoise(classic)), "kx", markersize=8, label="classic autoencoder")
plt.axhline(psnr(ridge.predict(X_noisy)), color="0.6", label="ridge, no code")
plt.axhline(psnr(X_noisy), color="black", linestyle=":", label="noisy")
plt.xlabel("number of codes")
plt.ylabel("PSNR of test images (dB)")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
plt.show()

# %%
# `X_input` is what is encoded, `X` what the result is compared with. Of the classic
# autoencoder some codes are always zero; PCA leaves a veil of noise. Where an
# autoencoder is wrong there is none to warn of it: strokes are blurred or others.

# sphinx_gallery_thumbnail_number = 3
for name, model in (
    ("classic autoencoder", classic),
    ("autoencoder from PCA", from_pca),
    (f"PCA, {best} components", PCA(best).fit(X)),
):
    display = ReconstructionDisplay.from_estimator(
        model, X_test, X_input=X_noisy, image_shape=image_shape
    )
    display.figure_.suptitle(name)
plt.show()
