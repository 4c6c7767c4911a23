"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 grey. Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747."""

from pathlib import Path

from dl_runner.data.dataset import Data
from dl_runner.data.mnist_family import Family

FASHION_MNIST = Family(
    folder="FashionMNIST/raw",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    mean=0.2860,
    std=0.3530,
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    md5={
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    md5_unpacked={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
)


def fashion_mnist(root: Path, *, download: bool = True) -> Data:
    """60,000 training and 10,000 test images from root/FashionMNIST/raw, uint8 (n, 1, 28, 28); ten classes.

    Raises:
        UserError: files are missing, damaged or swapped.
    """
    return FASHION_MNIST.load(root, download=download)
