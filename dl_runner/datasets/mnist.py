"""MNIST: 70,000 handwritten digits, 28x28 grey. LeCun, Cortes, Burges, http://yann.lecun.com/exdb/mnist/."""

from pathlib import Path

from dl_runner.data.dataset import Data
from dl_runner.data.mnist_family import Family

MNIST = Family(
    folder="MNIST/raw",
    classes=tuple(str(digit) for digit in range(10)),
    mean=0.1307,
    std=0.3081,
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    md5={
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    md5_unpacked={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
)


def mnist(root: Path, *, download: bool = True) -> Data:
    """60,000 training and 10,000 test images from root/MNIST/raw, uint8 (n, 1, 28, 28); ten classes.

    Raises:
        UserError: files are missing, damaged or swapped.
    """
    return MNIST.load(root, download=download)
