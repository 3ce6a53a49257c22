"""The plan of the architecture: what each room may import, and how much is allowed."""

# What each room may import of the package; files beside the rooms are rooms too.
ALLOWED = {
    "__init__": {
        "_autoencoder",
        "_autoencoder_imputer",
        "_card",
        "_display",
        "_outlier_detector",
        "_persistence",
        "_table_encoder",
        "_table_sampler",
        "_target_augmenter",
        "_version",
        "networks",
    },
    "dask": {"_dask"},
    "onnx": {
        "_onnx",
        "_autoencoder",
        "_autoencoder_imputer",
        "_table_encoder",
        "_target_augmenter",
    },
    "_onnx": {
        "_autoencoder",
        "_table_encoder",
        "_target_augmenter",
        "_table",
        "_model",
        "_data",
        "networks",
    },
    "skops": {
        "_autoencoder",
        "_autoencoder_imputer",
        "_outlier_detector",
        "_table_encoder",
        "_table_sampler",
        "_target_augmenter",
    },
    "_dask": {"_autoencoder", "_table_encoder", "_table", "_model", "_data"},
    "_autoencoder": {
        "_partial_fit",
        "_reconstruction",
        "_persistence",
        "_fit",
        "_training",
        "_model",
        "_data",
        "networks",
    },
    "_partial_fit": {"_fit", "_training", "_model", "_data"},
    "_reconstruction": {"_export", "_fit", "_model", "_data"},
    "_export": {"_model", "_data"},
    "_persistence": {
        "_advice",
        "_fit",
        "_training",
        "_model",
        "_data",
        "_table",
        "_target",
        "_version",
        "networks",
    },
    "_fit": {"_training", "_model", "_data", "_advice", "networks"},
    "_training": {"_model", "_data", "_advice", "networks"},
    "_model": {"_data", "networks"},
    "networks": set(),
    "_autoencoder_imputer": {
        "_autoencoder",
        "_table_encoder",
        "_persistence",
        "_table",
    },
    "_outlier_detector": {"_autoencoder", "_persistence", "_advice"},
    "_table_encoder": {"_persistence", "_table", "_advice"},
    "_table_sampler": {
        "_persistence",
        "_sampling",
        "_table",
        "_table_encoder",
    },
    "_sampling": {"_table"},
    "_table": set(),
    "_target_augmenter": {"_persistence", "_target"},
    "_target": set(),
    "_data": set(),
    "_card": {"_persistence"},
    "_advice": set(),
    "_display": set(),
    "_version": set(),
}
# Libraries that one room alone imports.
OWNERS = {
    "skorch": "_training",
    "dask": "_dask",
    "distributed": "_dask",
    "onnx": "_onnx",
    "skl2onnx": "_onnx",
}
MOST_FLOORS = 10
MOST_LINES_OF_FILE = 400
MOST_LINES_OF_BODY = 50
MEDIAN_LINES_OF_BODY = 12
MOST_CONSTANTS = 57
MOST_LINES_OF_CLASS_DOCSTRING = 200
MOST_LINES = 17_500
